// Loads a bundle while a timer watches the event loop, then answers questions about its own memory, a line each.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { createFolderArtifactStore } from '@facet/artifacts';
import { compileFilter, loadBundle } from '@facet/bundles';
import type { AttributeFilter, Bundle } from '@facet/bundles';
import { createRandom } from '@facet/features';
import type { Loading, LoadReport, Memory } from './load-report.ts';

const [root, id] = JSON.parse(process.argv[2]!) as [string, string];
const lookups = 300_000;
/** Of each filter another one for each time, as one that was asked for lately is kept. */
const filterTimes = 9;

const before = memoryNow();
const { bundle, ...start } = await load();
const after = memoryNow();
const { bundle: another, ...beside } = await load();
another.close();
say({ start, beside, before, after, lookups: measureLookups(bundle), filters: measureFilters(bundle) });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'memory') say(memoryNow());
}
bundle.close();

function say(value: LoadReport | Memory): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function load(): Promise<Loading & { readonly bundle: Bundle }> {
  await delay(100);
  const watch = watchEventLoop();
  const processorBefore = processorSeconds();
  const startedAt = performance.now();
  const loaded = await loadBundle(createFolderArtifactStore(root), { kind: 'bundle', id });
  const seconds = (performance.now() - startedAt) / 1000;
  await delay(2);
  return { bundle: loaded, seconds, processorSeconds: processorSeconds() - processorBefore, ...watch.stop() };
}

function measureLookups({ itemCount, idOf, indexOf, itemAt }: Bundle): LoadReport['lookups'] {
  const random = createRandom(1);
  const items = Array.from({ length: lookups }, () => 1 + random.int(itemCount));
  const ids = items.map((item) => idOf(item));
  const usOf = (lookup: (position: number) => unknown): number => {
    const startSeconds = processorSeconds();
    for (let position = 0; position < lookups; position++) lookup(position);
    return (1e6 * (processorSeconds() - startSeconds)) / lookups;
  };
  return {
    itemAtUs: usOf((position) => itemAt(items[position]!)),
    idOfUs: usOf((position) => idOf(items[position]!)),
    indexOfUs: usOf((position) => {
      if (indexOf(ids[position]!) !== items[position]) throw new Error('another item was found');
    }),
  };
}

function measureFilters(loaded: Bundle): LoadReport['filters'] {
  const filters: Record<string, (time: number) => NonNullable<AttributeFilter['attributes']>> = {
    'one of two texts': (time) => ({ category: { in: [`category ${time}`, 'category 40'] } }),
    'a range of numbers': (time) => ({ price: { min: 10 + time, max: 50 } }),
    'an entry of a list': (time) => ({ tags: { in: [`tag ${time}`] } }),
    'all three, and not some brands': (time) => ({
      category: { in: [`category ${time}`, 'category 41'] },
      price: { min: 20 + time },
      tags: { in: ['tag 40', `tag ${time}`] },
      brand: { notIn: Array.from({ length: 100 }, (_, brand) => `brand ${brand + time}`) },
    }),
  };
  return Object.entries(filters).map(([name, filterOf]) => {
    const times = Array.from({ length: filterTimes }, (_, time) => {
      const startSeconds = processorSeconds();
      compileFilter(loaded, { attributes: filterOf(time), available: true });
      return 1000 * (processorSeconds() - startSeconds);
    });
    return { name, ms: times.sort((a, b) => a - b)[filterTimes >> 1]! };
  });
}

/** A timer of one millisecond, and the longest gap between two of its turns. */
function watchEventLoop() {
  let [lastAt, lastProcessorMs] = [performance.now(), threadProcessorMs()];
  let [stallMs, stallProcessorMs] = [0, 0];
  const timer = setInterval(() => {
    const [now, processorMs] = [performance.now(), threadProcessorMs()];
    stallMs = Math.max(stallMs, now - lastAt);
    stallProcessorMs = Math.max(stallProcessorMs, processorMs - lastProcessorMs);
    [lastAt, lastProcessorMs] = [now, processorMs];
  }, 1);
  return {
    stop() {
      clearInterval(timer);
      return { stallMs, stallProcessorMs };
    },
  };
}

/** Time that this thread has had a core, known to some 4 ms: to the last time that it waited, or to a tick of the kernel. */
function threadProcessorMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function memoryNow(): Memory {
  const rollup = readFileSync('/proc/self/smaps_rollup', 'latin1');
  const of = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1024) / 1e6;
  return { rss: of('Rss'), pss: of('Pss'), heap: process.memoryUsage().heapUsed / 1e6 };
}
