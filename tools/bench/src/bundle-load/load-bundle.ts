import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFolderArtifactStore } from '@facet/artifacts';
import { compileFilter, loadBundle } from '@facet/bundles';
import type { AttributeFilter, Bundle } from '@facet/bundles';
import { createRandom } from '@facet/features';
import { cpuTimeMs, median, timed } from '../figures.ts';

const lookupCount = 300_000;
/** Each compilation uses different values, because the bundle caches recent filters. */
const compilations = 9;

const filters: Record<string, (time: number) => NonNullable<AttributeFilter['attributes']>> = {
  'one of two texts': (time) => ({ category: { in: [`category-${time}`, 'category-40'] } }),
  'a range of numbers': (time) => ({ price: { min: 10 + time, max: 50 } }),
};

/** Keeps the bundle in memory until the process ends, so that the measured memory includes it. */
const held: Bundle[] = [];

/** Loads a bundle twice, as at the start and as during a swap. Measures both loads, lookups of items, and filters. */
export async function measureLoads(artifactsFolder: string, id: string) {
  const { bundle, ...start } = await load(artifactsFolder, id);
  const { bundle: second, ...swap } = await load(artifactsFolder, id);
  second.close();
  held.push(bundle);
  return { start, swap, ...measureLookups(bundle), filterCpuMs: measureFilters(bundle) };
}

async function load(artifactsFolder: string, id: string) {
  const store = createFolderArtifactStore(artifactsFolder);
  await sleep(100);
  const stall = watchEventLoop();
  const { result: bundle, ...effort } = await timed(() => loadBundle(store, { kind: 'bundle', id }));
  await sleep(2);
  return { bundle, ...effort, stallCpuMs: stall() };
}

function measureLookups({ itemCount, idOf, indexOf, itemAt }: Bundle) {
  const random = createRandom(1);
  const items = Int32Array.from({ length: lookupCount }, () => 1 + random.int(itemCount));
  const ids = Array.from(items, idOf);
  const microsecondsOf = (lookup: (position: number) => unknown): number => {
    const before = cpuTimeMs();
    for (let position = 0; position < lookupCount; position++) lookup(position);
    return (1_000 * (cpuTimeMs() - before)) / lookupCount;
  };
  return {
    itemAtMicroseconds: microsecondsOf((position) => itemAt(items[position]!)),
    indexOfMicroseconds: microsecondsOf((position) => {
      if (indexOf(ids[position]!) !== items[position]) {
        throw new Error(`The lookup of ${ids[position]} returned a wrong index.`);
      }
    }),
  };
}

function measureFilters(bundle: Bundle): Record<string, number> {
  const measured = Object.entries(filters).map(([name, attributesOf]) => {
    const times = Array.from({ length: compilations }, (_, time) => {
      const before = cpuTimeMs();
      compileFilter(bundle, { attributes: attributesOf(time), available: true });
      return cpuTimeMs() - before;
    });
    return [name, median(times)];
  });
  return Object.fromEntries(measured) as Record<string, number>;
}

/** Starts a timer of one millisecond. Returns a function that stops the timer and returns the longest CPU time between two ticks. */
function watchEventLoop(): () => number {
  let [lastMs, longestMs] = [threadCpuMs(), 0];
  const timer = setInterval(() => {
    const now = threadCpuMs();
    [lastMs, longestMs] = [now, Math.max(longestMs, now - lastMs)];
  }, 1);
  return () => {
    clearInterval(timer);
    return longestMs;
  };
}

/** Returns the processor time of this thread, precise to about 4 ms. */
function threadCpuMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
}
