import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { createScratchFolder, json, logProgress, option, readCommandLine } from '@facet/local-services';
import { openMovieLens } from '../gate/sound-data.ts';
import { startLoadGenerator } from '../load/load-generator.ts';
import { makeFaultyBundles } from './faulty-bundles.ts';
import { makeHealthyBundles } from './healthy-bundles.ts';
import { replayRequests } from './replay-requests.ts';
import { startLoggingServer } from './serving.ts';
import type { LoggingServer, LogLine } from './serving.ts';

const { values } = readCommandLine({
  usage: 'npm run bench -- guardrails',
  summary: 'Swap healthy and faulty bundles, and count which ones the guardrails roll back',
  options: {
    home: option.text(
      'DIR',
      'Data home of an earlier run, for its models (default: a temporary one). Its promotion log is deleted',
    ),
    swaps: option.number('Number of healthy swaps', 20),
    rate: option.number('Requests per second', 100),
    window: option.number('Length of a trial in seconds', 8),
    json,
  },
  notes: `The benchmark trains a small model for each healthy bundle, with the data up to another day and with another seed. It replays
the users of the newest interactions on a real serving process, promotes the bundles one after the other, and then promotes faulty
bundles. The bounds of the guardrails are the defaults, except the length of a trial.

Exit code: 0 when the run is complete, also when a verdict is wrong.`,
});

interface Verdict {
  readonly kind: 'healthy' | 'faulty';
  readonly name: string;
  readonly verdict: 'kept' | 'rolled back';
  /** Why, for a rollback. */
  readonly reason?: string;
  readonly seconds: number;
  readonly figures: Readonly<Record<string, unknown>>;
}

const windowMs = 1_000 * values.window;
const verdicts: Verdict[] = [];
const { path: scratch } = await createScratchFolder('bench-guardrails');
const { home } = await openMovieLens(values.home ?? join(scratch, 'movielens'));
const [first, ...healthy] = await makeHealthyBundles(home, values.swaps + 1);
const last = healthy.at(-1) ?? first!;
const faulty = await makeFaultyBundles(last);
const store = createFolderArtifactStore(home.artifactsFolder);
// A bundle that the guardrails rolled back in an earlier run would not be judged again.
await rm(join(home.artifactsFolder, 'promotions'), { recursive: true, force: true });
await promote(store, first!.bundleId);
const serving = await startLoggingServer({ home: home.folder, folder: scratch, windowMinutes: windowMs / 60_000 });
const bodiesFile = join(scratch, 'bodies.json');
await writeFile(bodiesFile, JSON.stringify(replayRequests(last.dataset).map((body) => JSON.stringify(body))));
const target = { url: serving.url, path: '/v1/recommendations', key: 'none', bodiesFile };
const generator = await startLoadGenerator(target);
let isDone = false;
let [sent, failed] = [0, 0];
const traffic = (async () => {
  while (!isDone) {
    const { latenciesMs, statuses } = await generator.run({ kind: 'open', rate: values.rate, seconds: 10 });
    sent += latenciesMs.length;
    failed += statuses.filter((status) => status === 0).length;
  }
})();
try {
  // The first comparison needs the requests of a whole period, too.
  await new Promise((resolve) => setTimeout(resolve, windowMs));
  for (const { label, bundleId } of healthy) await judge({ kind: 'healthy', name: label, bundleId }, store, serving);
  for (const { name, bundleId } of faulty) {
    await judge({ kind: 'faulty', name, bundleId }, store, serving);
    // The period before the next swap must not contain the requests of this bundle.
    await serving.next(
      ({ bundleId: id, msg }) => id === last.bundleId && /passed|not rolling back/.test(msg),
      4 * windowMs,
    );
  }
} finally {
  isDone = true;
  await traffic;
  generator.stop();
  logProgress(`${sent} requests, ${failed} of them without a response`);
  await serving.stop();
}
report();

async function promote(store: ArtifactStore, id: string): Promise<void> {
  await store.promote({ kind: 'bundle', id }, { by: 'npm run bench -- guardrails', reason: 'a benchmark' });
}

/** Promotes a bundle and waits for the verdict of the guardrails. */
async function judge(
  { kind, name, bundleId }: Pick<Verdict, 'kind' | 'name'> & { readonly bundleId: string },
  store: ArtifactStore,
  serving: LoggingServer,
): Promise<void> {
  serving.skip();
  const start = performance.now();
  await promote(store, bundleId);
  const isOf = (line: LogLine): boolean => line['bundleId'] === bundleId;
  const compared = await serving.next((line) => isOf(line) && line.msg === 'bundles compared', 120_000);
  const line = await serving.next(
    (one) => isOf(one) && /passed|rolled back|not rolling back/.test(one.msg),
    4 * windowMs,
  );
  const { reason } = line as LogLine & { readonly reason?: string };
  const verdict: Verdict = {
    kind,
    name,
    verdict: line.msg.includes('passed') ? 'kept' : 'rolled back',
    ...(reason === undefined ? {} : { reason }),
    seconds: (performance.now() - start) / 1_000,
    figures: {
      ...pick(compared, ['compared', 'changedShare', 'interestCosine']),
      ...pick(line, ['requests', 'fallbackShare', 'emptyShare', 'errorShare', 'p99Ms']),
    },
  };
  verdicts.push(verdict);
  logProgress(JSON.stringify(verdict));
}

function pick(line: LogLine, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, line[name]]));
}

function report(): void {
  if (values.json) return console.log(JSON.stringify(verdicts));
  for (const kind of ['healthy', 'faulty'] as const) {
    const some = verdicts.filter((verdict) => verdict.kind === kind);
    const back = some.filter(({ verdict }) => verdict === 'rolled back');
    console.log(`${kind}: ${some.length} swaps, ${back.length} rolled back`);
    for (const { name, verdict, reason, seconds } of some) {
      console.log(
        `  ${name.padEnd(44)} ${verdict} after ${seconds.toFixed(1)} s${reason === undefined ? '' : `: ${reason}`}`,
      );
    }
  }
  const healthy = verdicts.filter(({ kind }) => kind === 'healthy');
  for (const figure of ['changedShare', 'fallbackShare', 'emptyShare', 'errorShare', 'p99Ms'] as const) {
    const found = healthy.map(({ figures }) => Number(figures[figure])).filter((value) => Number.isFinite(value));
    console.log(
      `${figure} of healthy swaps: ${Math.min(...found).toPrecision(3)} to ${Math.max(...found).toPrecision(3)}`,
    );
  }
  const cosines = healthy.map(({ figures }) => (figures['interestCosine'] as { readonly after: number }).after);
  console.log(`interestCosine of healthy swaps: at most ${Math.max(...cosines).toPrecision(3)}`);
}
