import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { GeneratorTarget } from './generator.ts';
import type { Load, LoadResult } from './load.ts';

/** Generates load in a separate process. */
export interface LoadGenerator {
  run(load: Load): Promise<LoadResult>;
  stop(): void;
}

export async function startLoadGenerator(target: GeneratorTarget): Promise<LoadGenerator> {
  const script = fileURLToPath(new URL('generator.js', import.meta.url));
  const child = fork(script, [JSON.stringify(target)], { serialization: 'advanced', execArgv: process.execArgv });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the load generator exited with ${code}`);
  });
  ended.catch(() => undefined);
  const receive = async (): Promise<unknown> =>
    Promise.race([once(child, 'message').then(([message]) => message as unknown), ended]);
  await receive();
  return {
    async run(load) {
      child.send(load);
      return (await receive()) as LoadResult;
    },
    stop: () => child.disconnect(),
  };
}
