// The process that makes load. Its parent sends plans and gets results, one at a time.
import { readFile } from 'node:fs/promises';
import { postBytes } from './lane.ts';
import { Lanes } from './lanes.ts';
import { runLoad } from './load.ts';
import type { Load } from './load.ts';

export interface GeneratorTarget {
  readonly url: string;
  readonly path: string;
  readonly key: string;
  /** A JSON array of bodies. */
  readonly bodiesFile: string;
}

/** Opened before the first request, so that none waits for a connection. */
const lanesAtFirst = 64;

const target = JSON.parse(process.argv[2]!) as GeneratorTarget;
const url = new URL(target.url);
const bodies = JSON.parse(await readFile(target.bodiesFile, 'utf8')) as string[];
const requests = bodies.map((body) => postBytes(url, target.path, target.key, body));
const lanes = new Lanes(url);
await lanes.open(lanesAtFirst);
let first = 0;

process.on('message', (load: Load) => {
  void runLoad(load, lanes, requests, first).then((result) => {
    first += result.latenciesMs.length;
    process.send?.(result);
  });
});
process.once('disconnect', () => process.exit());
process.send?.('ready');
