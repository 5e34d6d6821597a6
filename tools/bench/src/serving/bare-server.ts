import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startChild } from '../children.ts';
import { describeLatencies } from '../figures.ts';
import type { Latencies } from '../figures.ts';
import { withLoadGenerator } from '../load/load.ts';
import type { Load } from '../load/load.ts';

const warmUpSeconds = 2;

/**
 * Measures a server that blocks its only thread for `busyMs` per request, under the same load from the same generator: a baseline for
 * queueing delay.
 */
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
}): Promise<{ readonly busyMs: number; readonly latency: Latencies }> {
  const server = startChild(new URL(import.meta.url));
  try {
    const port = await server.call(serve, busyMs, responseBytes);
    const target = { url: `http://127.0.0.1:${port}`, path: '/', key: 'none', bodies };
    return await withLoadGenerator(target, async (generator) => {
      await generator.run({ kind: 'closed', concurrency: 1, seconds: warmUpSeconds });
      return { busyMs, latency: describeLatencies((await generator.run(load)).latenciesMs) };
    });
  } finally {
    server.stop();
  }
}

/** Starts the server in this process. Returns its port. */
export async function serve(busyMs: number, responseBytes: number): Promise<number> {
  const body = Buffer.alloc(responseBytes, ' ');
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const until = performance.now() + busyMs;
      while (performance.now() < until);
      response.setHeader('content-length', body.length).end(body);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
