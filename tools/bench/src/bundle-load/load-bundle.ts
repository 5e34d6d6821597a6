// Loads a bundle while a timer watches the event loop, then prints its memory on each request line.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { createFolderArtifactStore } from '@facet/artifacts';
import { compileFilter, loadBundle } from '@facet/bundles';
import type { AttributeFilter, Bundle } from '@facet/bundles';
import { createRandom } from '@facet/features';
import { cpuTimeMs, median, processMemory, timed } from '../figures.ts';
import type { Effort, ProcessMemory } from '../figures.ts';

/** Report of one process. Memory is in megabytes; times of one thread are processor times. */
export interface LoadReport {
  /** Load into a new process. */
  readonly start: Loading;
  /** Second load next to the first bundle, as during a swap. */
  readonly secondLoad: Loading;
  /** Memory before and after the load. */
  readonly before: Memory;
  readonly after: Memory;
  /** Microseconds per lookup of a random item. */
  readonly lookups: { readonly indexOfUs: number; readonly itemAtUs: number };
  /** Milliseconds to compile each filter. */
  readonly filters: readonly { readonly name: string; readonly ms: number }[];
}

export interface Loading extends Effort {
  /** Longest stall of the event loop, in wall time and in processor time of its thread. */
  readonly stallMs: number;
  readonly stallProcessorMs: number;
}

export interface Memory extends ProcessMemory {
  /** Used JavaScript heap. */
  readonly heapMb: number;
}

const [root, id] = JSON.parse(process.argv[2]!) as [string, string];
const lookups = 300_000;
/** Each compilation uses different values, because recent filters are cached. */
const filterTimes = 9;

const before = memoryNow();
const { bundle, ...start } = await load();
const after = memoryNow();
const { bundle: another, ...secondLoad } = await load();
another.close();
printLine({ start, secondLoad, before, after, lookups: measureLookups(bundle), filters: measureFilters(bundle) });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'memory') printLine(memoryNow());
}
bundle.close();

function printLine(value: LoadReport | Memory): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function load(): Promise<Loading & { readonly bundle: Bundle }> {
  await delay(100);
  const watch = watchEventLoop();
  const { result, ...effort } = await timed(() => loadBundle(createFolderArtifactStore(root), { kind: 'bundle', id }));
  await delay(2);
  return { bundle: result, ...effort, ...watch.stop() };
}

function measureLookups({ itemCount, idOf, indexOf, itemAt }: Bundle): LoadReport['lookups'] {
  const random = createRandom(1);
  const items = Array.from({ length: lookups }, () => 1 + random.int(itemCount));
  const ids = items.map((item) => idOf(item));
  const usOf = (lookup: (position: number) => unknown): number => {
    const startedAt = cpuTimeMs();
    for (let position = 0; position < lookups; position++) lookup(position);
    return (1_000 * (cpuTimeMs() - startedAt)) / lookups;
  };
  return {
    itemAtUs: usOf((position) => itemAt(items[position]!)),
    indexOfUs: usOf((position) => {
      if (indexOf(ids[position]!) !== items[position]) throw new Error('The lookup returned a different item.');
    }),
  };
}

function measureFilters(loaded: Bundle): LoadReport['filters'] {
  const filters: Record<string, (time: number) => NonNullable<AttributeFilter['attributes']>> = {
    'one of two texts': (time) => ({ category: { in: [`category ${time}`, 'category 40'] } }),
    'a range of numbers': (time) => ({ price: { min: 10 + time, max: 50 } }),
    'an entry of a list': (time) => ({ tags: { in: [`tag ${time}`] } }),
  };
  return Object.entries(filters).map(([name, filterOf]) => {
    const times = Array.from({ length: filterTimes }, (_, time) => {
      const startedAt = cpuTimeMs();
      compileFilter(loaded, { attributes: filterOf(time), available: true });
      return cpuTimeMs() - startedAt;
    });
    return { name, ms: median(times) };
  });
}

/** Starts a timer of one millisecond and records the longest gap between two ticks. */
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

/** Returns the processor time of this thread, precise to about 4 ms: the kernel updates it on a wait or a tick. */
function threadProcessorMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
}

function memoryNow(): Memory {
  return { ...processMemory(), heapMb: process.memoryUsage().heapUsed / 1e6 };
}
