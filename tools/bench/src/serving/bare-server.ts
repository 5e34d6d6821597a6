// Measures a server that only blocks its thread for a fixed time per request, as a baseline for queueing delay.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startLineProcess } from '../children.ts';
import { describeLatencies } from '../figures.ts';
import type { Latencies } from '../figures.ts';
import { withLoadGenerator } from '../load/generator.ts';
import type { Load } from '../load/load.ts';

/** Queueing delay of one thread, independent of its work. */
export interface BareServerFigures {
  /** Milliseconds that each request blocks the thread. */
  readonly busyMs: number;
  readonly latency: Latencies;
}

const script = fileURLToPath(import.meta.url);
const warmUpSeconds = 2;

/** Measures a server that blocks for `busyMs` per request, under the same load from the same generator. */
export async function measureBareServer({
  busyMs,
  responseBytes,
  bodies,
  load,
}: {
  readonly busyMs: number;
  readonly responseBytes: number;
  readonly bodies: readonly string[];
  readonly load: Load;
}): Promise<BareServerFigures> {
  const args = [...process.execArgv, script, String(busyMs), String(responseBytes)];
  const server = startLineProcess(process.execPath, args);
  try {
    const { port } = await server.ask<AddressInfo>();
    const target = { url: `http://127.0.0.1:${port}`, path: '/', key: 'none', bodies };
    return await withLoadGenerator(target, async (generator) => {
      await generator.run({ kind: 'closed', concurrency: 1, seconds: warmUpSeconds });
      return { busyMs, latency: describeLatencies((await generator.run(load)).latenciesMs) };
    });
  } finally {
    await server.stop();
  }
}

/** Prints its address and ends with its standard input. */
function serve(busyMs: number, body: Buffer): void {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const until = performance.now() + busyMs;
      while (performance.now() < until);
      response.setHeader('content-length', body.length).end(body);
    });
  });
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify(server.address())}\n`));
  process.stdin.resume().once('end', () => process.exit());
}

if (process.argv[1] === script) serve(Number(process.argv[2]), Buffer.alloc(Number(process.argv[3]), ' '));
