// Generates load in a separate process: the parent sends the target, then one load at a time, and receives the result of each.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ConnectionPool, postBytes } from './connection.ts';
import { runLoad } from './load.ts';
import type { Load, LoadResult } from './load.ts';

export interface LoadTarget {
  readonly url: string;
  readonly path: string;
  readonly key: string;
  /** Bodies of the requests, which the generator sends in turn. */
  readonly bodies: readonly string[];
}

export interface LoadGenerator {
  run(load: Load): Promise<LoadResult>;
}

const script = fileURLToPath(import.meta.url);
/** Connections opened before the first request, so that no request waits for one. */
const initialConnections = 64;

/** Starts a load generator, calls `work`, and stops the generator. */
export async function withLoadGenerator<Result>(
  target: LoadTarget,
  work: (generator: LoadGenerator) => Promise<Result>,
): Promise<Result> {
  const child = fork(script, { serialization: 'advanced', execArgv: process.execArgv });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the load generator exited with ${code}`);
  });
  ended.catch(() => undefined);
  const ask = async (message: object): Promise<unknown> => {
    const reply = once(child, 'message').then(([received]) => received as unknown);
    child.send(message);
    return Promise.race([reply, ended]);
  };
  try {
    await ask(target);
    return await work({ run: async (load) => (await ask(load)) as LoadResult });
  } finally {
    child.disconnect();
  }
}

async function generate(): Promise<void> {
  const [{ url: address, path, key, bodies }] = (await once(process, 'message')) as [LoadTarget];
  const url = new URL(address);
  const requests = bodies.map((body) => postBytes(url, path, key, body));
  const pool = new ConnectionPool(url);
  await pool.open(initialConnections);
  let first = 0;
  process.on('message', (load: Load) => {
    void runLoad(load, pool, requests, first).then((result) => {
      first += result.latenciesMs.length;
      process.send?.(result);
    });
  });
  process.once('disconnect', () => process.exit());
  process.send?.('ready');
}

if (process.argv[1] === script) await generate();
