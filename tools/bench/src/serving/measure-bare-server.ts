import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createScratchFolder } from '@facet/local-services';
import { startLineProcess } from '../line-process.ts';
import { describeLatencies } from '../load/latencies.ts';
import type { Latencies } from '../load/latencies.ts';
import { startLoadGenerator } from '../load/load-generator.ts';
import type { Load } from '../load/load.ts';

/** Queueing delay of one thread, independent of its work. */
export interface BareServerFigures {
  /** Milliseconds that each request blocks the thread. */
  readonly busyMs: number;
  readonly latency: Latencies;
}

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
  const script = fileURLToPath(new URL('bare-server.js', import.meta.url));
  const server = startLineProcess(process.execPath, [script, String(busyMs), String(responseBytes)]);
  const { path: folder } = await createScratchFolder('bench-bare-server');
  try {
    const { port } = await server.ask<AddressInfo>();
    const bodiesFile = join(folder, 'bodies.json');
    await writeFile(bodiesFile, JSON.stringify(bodies));
    const generator = await startLoadGenerator({ url: `http://127.0.0.1:${port}`, path: '/', key: 'none', bodiesFile });
    try {
      await generator.run({ kind: 'closed', concurrency: 1, seconds: warmUpSeconds });
      return { busyMs, latency: describeLatencies((await generator.run(load)).latenciesMs) };
    } finally {
      generator.stop();
    }
  } finally {
    await server.stop();
  }
}
