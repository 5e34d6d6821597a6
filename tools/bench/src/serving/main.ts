// Benchmark of serving against the parts that it is made of, on a generated world.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Load } from '../load/load.ts';
import type { LoadGenerator } from '../load/load-generator.ts';
import { eventLoopCpuMs, treeCpuMs, treeUsage } from '../load/process-usage.ts';
import { askWorld } from './ask-world.ts';
import { checkAnswers } from './check-answers.ts';
import { loadFigures } from './load-figures.ts';
import type { LoadFigures } from './load-figures.ts';
import { measureBareServer } from './measure-bare-server.ts';
import type { BareServerFigures } from './measure-bare-server.ts';
import { measureRawSearch } from './measure-raw.ts';
import { measureTower } from './measure-tower.ts';
import type { ServingProcess } from './serving-process.ts';
import { renderServing } from './render.ts';
import { checkedUsers, depth, openWorld, requestBodies } from './world.ts';
import type { World } from './world.ts';

const help = `Measures serving against the parts that it is made of, on a generated world: a catalog, users, a bundle.

  npm run bench -- serving [--items 1000000] [--processes N] [--seconds 20] [--limit 200] [--json]

--items      of the world; 100000, and 4619 (the size of Online Retail II) have targets, too
--processes  of serving; what it does by default if absent
--seconds    of the measurement at half of the greatest rate; the others take part of it
--limit      items that a request asks for
--recall-min that the index is tuned to; 0.98 by default
--profile    a folder for CPU profiles of serving, of some requests after everything is measured

In one run: the bare index (patched Faiss, the four queries of the same users, one thread), on one core and on all of them;
the user tower; answers at 1 to 32 requests under way, which gives the greatest rate; answers at half of it, where requests
come at random whatever the answers take, beside those of a bare server that is as busy with each; processor time a request,
and memory. A request has 50 behaviors.
Load generator and serving share the cores of this machine; it should have nothing else to do.

A world is built once and kept in FACET_BENCH_CACHE (default: facet-bench below the folder for temporary files). A million
items take some minutes and 4 GB there.`;

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '1000000' },
    processes: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    limit: { type: 'string', default: String(depth) },
    'recall-min': { type: 'string', default: '0.98' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit(0);
}

/** Requests under way at the same time. */
const concurrencies = [1, 2, 4, 8, 16, 32];
const profiledRequests = 4_000;

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const seconds = Number(values.seconds);
const limit = Number(values.limit);
const world = await openWorld({
  items: Number(values.items),
  recallMin: Number(values['recall-min']),
  onProgress: say,
});
const raw = await measureRaw();
say('user tower');
const tower = measureTower(world);
const { processes, profile } = values;
const env: Record<string, string> =
  profile === undefined
    ? {}
    : {
        NODE_OPTIONS: `--import=${new URL('profile-hook.mjs', import.meta.url).href}`,
        FACET_BENCH_PROFILES: profile,
      };
await askWorld(world, { limit, processes, env }, async (serving, generator) => {
  say('answers compared with an exact scan');
  const answers = await checkAnswers(world, serving, checkedUsers);
  const loads = await measureLoads(serving, generator);
  if (!serving.running) throw new Error(`serving has ended; it said:\n${serving.errorOutput()}`);
  const results = { ...loads, memory: await treeUsage(serving.pid) };
  const report = { ...describeWorld(world), limit, raw, tower, answers, ...results };
  console.log(values.json ? JSON.stringify(report) : renderServing(report));
});

function describeWorld({ itemCount, choice }: World) {
  return { items: itemCount, index: { kind: choice.kind, efSearch: choice.efSearch } };
}

/** The bare search on one core, and on all at the same time, as serving uses them under load. */
async function measureRaw() {
  const folder = await mkdtemp(join(tmpdir(), 'facet-bench-raw-'));
  try {
    const interestsFile = join(folder, 'interests.f32');
    const { interests, dim, choice, users } = world;
    await writeFile(interestsFile, new Uint8Array(interests.buffer, interests.byteOffset, interests.byteLength));
    const queriesPerUser = interests.length / dim / users.length;
    const { efSearch } = choice;
    const task = {
      indexFile: world.bareIndexFile,
      interestsFile,
      exactFile: world.exactFile,
      recallMin: Number(values['recall-min']),
      queriesPerUser,
      dim,
      k: Math.min(depth, world.itemCount),
      ...(efSearch === undefined ? {} : { efSearch }),
      seconds: seconds / 4,
    };
    say('bare search on one core');
    const alone = await measureRawSearch(task, 1);
    say('bare search on all cores');
    return { alone, together: await measureRawSearch(task, availableParallelism()) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureLoads(serving: ServingProcess, generator: LoadGenerator) {
  const measure = async (load: Load): Promise<LoadFigures> => {
    const before = await treeCpuMs(serving.pid);
    const result = await generator.run(load);
    return loadFigures(result, (await treeCpuMs(serving.pid)) - before);
  };
  say('warm-up');
  await measure({ kind: 'closed', concurrency: 8, seconds: seconds / 4 });
  const closed: (LoadFigures & { readonly concurrency: number })[] = [];
  for (const concurrency of concurrencies) {
    say(`${concurrency} under way`);
    closed.push({ concurrency, ...(await measure({ kind: 'closed', concurrency, seconds: seconds / 4 })) });
  }
  const saturated = closed.reduce((best, one) => (one.rate > best.rate ? one : best));
  say('half of the greatest rate');
  const rate = saturated.rate / 2;
  const load: Load = { kind: 'open', rate, seconds };
  const busyBefore = await eventLoopCpuMs(serving.pid);
  const half = await measure(load);
  const busyMs = ((await eventLoopCpuMs(serving.pid)) - busyBefore) / half.latency.count;
  if (values.profile !== undefined) await profileServing(serving, generator);
  return { closed, saturated, half, bare: await measureBare(busyMs, load, serving) };
}

/** A bare server in place of serving; with several processes no thread stands for all. */
async function measureBare(
  busyMs: number,
  load: Load,
  serving: ServingProcess,
): Promise<BareServerFigures | undefined> {
  if (processes !== undefined && processes !== '1') return undefined;
  say('a bare server that is as busy');
  const bodies = requestBodies(world, limit);
  const answer = await fetch(`${serving.url}/v1/recommendations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': serving.key },
    body: bodies[0]!,
  });
  const { byteLength: answerBytes } = await answer.arrayBuffer();
  return measureBareServer({ busyMs, answerBytes, bodies, load });
}

/** Has each process of serving write a CPU profile of some requests. */
async function profileServing(serving: ServingProcess, generator: LoadGenerator): Promise<void> {
  say('profile');
  const pids = (await treeUsage(serving.pid)).map(({ pid }) => pid);
  for (const pid of pids) process.kill(pid, 'SIGURG');
  await generator.run({ kind: 'closed', concurrency: 4, requests: profiledRequests });
  for (const pid of pids) process.kill(pid, 'SIGURG');
}
