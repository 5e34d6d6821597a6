// Loads a bundle while a timer watches the event loop, then answers questions about its own memory, a line each.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { createFolderArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import { createRandom } from '@facet/features';
import type { LoadReport, Memory } from './load-report.ts';

const [root, id] = JSON.parse(process.argv[2]!) as [string, string];
const lookups = 300_000;

const watch = watchEventLoop();
// What is slow for the first time is not what is measured.
await delay(300);
watch.reset();
const before = memoryNow();
const processorBefore = processorSeconds();
const startedAt = performance.now();
const bundle = await loadBundle(createFolderArtifactStore(root), { kind: 'bundle', id });
await delay(2);
const report: LoadReport = {
  seconds: (performance.now() - startedAt) / 1000,
  ...watch.stop(),
  processorSeconds: processorSeconds() - processorBefore,
  before,
  after: memoryNow(),
  ...measureLookups(bundle),
};
say(report);
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'memory') say(memoryNow());
}
bundle.close();

function say(value: LoadReport | Memory): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function measureLookups(bundle: Bundle): Pick<LoadReport, 'indexOfPerSecond' | 'itemAtPerSecond'> {
  const random = createRandom(1);
  const items = Array.from({ length: lookups }, () => 1 + random.int(bundle.itemCount));
  const ids = items.map((item) => bundle.idOf(item));
  const perSecond = (lookup: (position: number) => unknown): number => {
    const start = performance.now();
    for (let position = 0; position < lookups; position++) lookup(position);
    return (1000 * lookups) / (performance.now() - start);
  };
  const results = [
    perSecond((position) => bundle.itemAt(items[position]!)),
    perSecond((position) => {
      if (bundle.indexOf(ids[position]!) !== items[position]) throw new Error('another item was found');
    }),
  ];
  return { itemAtPerSecond: results[0]!, indexOfPerSecond: results[1]! };
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
    reset: () => void ([stallMs, stallProcessorMs] = [0, 0]),
    stop() {
      clearInterval(timer);
      return { stallMs, stallProcessorMs };
    },
  };
}

/** Time that this thread has had a core. */
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
  return {
    rss: of('Rss'),
    pss: of('Pss'),
    own: of('Private_Clean') + of('Private_Dirty'),
    heap: process.memoryUsage().heapUsed / 1e6,
  };
}
