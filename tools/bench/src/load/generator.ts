// Process that generates load. The parent sends one load at a time and receives its result.
import { readFile } from 'node:fs/promises';
import { postBytes } from './connection.ts';
import { ConnectionPool } from './connection-pool.ts';
import { runLoad } from './load.ts';
import type { Load } from './load.ts';

export interface GeneratorTarget {
  readonly url: string;
  readonly path: string;
  readonly key: string;
  /** JSON array of request bodies. */
  readonly bodiesFile: string;
}

/** Connections opened before the first request, so that no request waits for one. */
const initialConnections = 64;

const target = JSON.parse(process.argv[2]!) as GeneratorTarget;
const url = new URL(target.url);
const bodies = JSON.parse(await readFile(target.bodiesFile, 'utf8')) as string[];
const requests = bodies.map((body) => postBytes(url, target.path, target.key, body));
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
