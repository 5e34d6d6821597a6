// A dataset of very many generated events, built in bounded memory.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { upsertItems, upsertUsers } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { homePaths } from '@facet/config';
import { generateLake, sizeOf } from './generate-lake.ts';
import type { LakeSize } from './generate-lake.ts';

const help = `Builds a dataset of generated events within 4 GiB.

  npm run bench -- dataset [--events 50000000] [--memory-limit 1500MB] [--keep DIR] [--json]

build  lake and catalog -> dataset, as facet dataset does it, in a process of its own: its time, that of all cores together, and
       the most memory that was resident in it, DuckDB, typed arrays and all
read   the dataset as training opens it, in a process of its own

A fiftieth of the events are users, a hundredth items. --memory-limit is that of DuckDB (dataset.memoryLimit). --keep keeps the
lake in a folder and takes it from there the next time. Ends with 1 when a process took more than 4 GiB.`;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '50000000' },
    'memory-limit': { type: 'string', default: '1500MB' },
    keep: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

const megabytesMax = 4096;
const size = sizeOf(Number(values.events));
const folder = values.keep ?? (await mkdtemp(join(tmpdir(), 'facet-bench-dataset-')));
const home = homePaths(folder);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Measured {
  readonly seconds: number;
  /** Of all cores: says more than seconds where other programs run, too. */
  readonly cpuSeconds: number;
  readonly peakMegabytes: number;
}
interface Built extends Measured {
  readonly datasetId: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
}

try {
  await prepare(size);
  const build = await runInChild<Built>('build');
  const read = await runInChild<Measured>(build.datasetId);
  if (values.json) console.log(JSON.stringify({ ...size, build, read }));
  else {
    console.log(describe('build', build));
    console.log(describe('read', read));
    console.log(`counts   ${list(build.counts)}`);
    console.log(`dropped  ${list(build.dropped)}`);
  }
  if (Math.max(build.peakMegabytes, read.peakMegabytes) > megabytesMax) {
    say(`More than ${megabytesMax} MiB were resident.`);
    process.exitCode = 1;
  }
} finally {
  if (values.keep === undefined) await rm(folder, { recursive: true, force: true });
}

/** Generates what is not there yet. */
async function prepare(wanted: LakeSize): Promise<void> {
  const isThere = await stat(home.lakeFolder).catch(() => undefined);
  if (isThere !== undefined) {
    await rm(home.stagesFolder, { recursive: true, force: true });
    return say(`the lake in ${folder}, as it is`);
  }
  const startedAt = performance.now();
  const { bytes } = await generateLake(home.lakeFolder, wanted, (done) => {
    if (done % 10 === 0) say(`${done} days generated`);
  });
  await upsertItems(home.catalogFolder, itemsOf(wanted));
  await upsertUsers(home.catalogFolder, usersOf(wanted));
  say(`${count(wanted.events)} events, ${Math.round(bytes / 2 ** 20)} MiB, generated in ${since(startedAt)} s`);
}

function* itemsOf({ items }: LakeSize): Generator<Item> {
  for (let item = 0; item < items; item++) {
    const attributes = { brand: `brand-${item % 997}`, category: `category-${item % 41}`, price: (item % 500) + 0.5 };
    yield { itemId: `item-${String(item).padStart(8, '0')}`, title: `Thing of kind ${item % 1009}`, attributes };
  }
}

function* usersOf({ users }: LakeSize): Generator<User> {
  for (let user = 0; user < users; user++) {
    yield { userId: `user-${String(user).padStart(8, '0')}`, attributes: { country: `c${user % 30}` } };
  }
}

async function runInChild<Result>(step: string): Promise<Result> {
  const script = fileURLToPath(new URL('in-child.ts', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, script, folder, step, values['memory-limit']], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${step} ended with ${code}`);
  return JSON.parse(text) as Result;
}

function describe(name: string, { seconds, cpuSeconds, peakMegabytes }: Measured): string {
  const [elapsed, cpu] = [seconds, cpuSeconds].map((time) => time.toFixed(1).padStart(7));
  return `${name.padEnd(8)} ${elapsed} s, of processors ${cpu} s, at most ${Math.round(peakMegabytes)} MiB resident`;
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, value]) => `${name} ${count(value)}`)
    .join(', ');
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function since(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(0);
}
