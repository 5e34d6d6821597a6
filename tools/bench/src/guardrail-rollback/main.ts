import { existsSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { homePaths } from '@facet/config';
import { createScratchFolder, logProgress, option, startFacetProcess, until } from '@facet/local-services';
import { startBench } from '../bench.ts';
import { withLoadGenerator } from '../load/load.ts';
import { buildBundles } from './bundles.ts';
import type { NamedBundle } from './bundles.ts';

const { values, report } = startBench({
  options: {
    home: option.text('DIR', 'Data home with events; npm start writes the default', '.facet/movielens-100k'),
    swaps: option.count('Number of healthy swaps', 20),
    rate: option.positive('Requests per second', 100),
    window: option.positive('Length of a trial in seconds', 8),
  },
  notes: `The benchmark trains a small model for each healthy bundle, with the data up to another day and with another seed. It replays
the users of the newest interactions on a serving process, promotes the bundles one after the other, and then faulty bundles. The
bounds of the guardrails are the defaults, except the length of a trial.

Exit code: 0 when each faulty bundle and no healthy bundle is rolled back, 1 otherwise.`,
});

const source = homePaths(values.home);
if (!existsSync(source.lakeFolder)) throw new Error(`${values.home} has no lake. Run npm start, or pass --home.`);
const { path: folder } = await createScratchFolder('bench-guardrails');
const home = homePaths(folder);
for (const name of ['lakeFolder', 'catalogFolder'] as const) await symlink(source[name], home[name]);
logProgress(`${values.swaps + 1} healthy bundles`);
const { store, healthy, faulty, dataset } = await buildBundles(home, values.swaps + 1);
const windowSeconds = values.window;
const configFile = join(folder, 'facet.yaml');
await writeFile(configFile, `guardrails: { windowMinutes: ${windowSeconds / 60} }\nexposures: { enabled: false }\n`);
await promote(healthy[0]!);
const serving = await startFacetProcess({
  app: 'serving',
  env: { FACET_HOME: folder, FACET_CONFIG: configFile, FACET_INSECURE: 'true', FACET_PROCESSES: '1' },
});
const results: (Awaited<ReturnType<typeof judge>> & { readonly kind: 'healthy' | 'faulty' })[] = [];
try {
  const target = { url: serving.url, path: '/v1/recommendations', key: 'none', bodies: requestBodies() };
  await withLoadGenerator(target, async (generator) => {
    const running = { stopped: false };
    const traffic = (async () => {
      while (!running.stopped) await generator.run({ kind: 'open', rate: values.rate, seconds: windowSeconds });
    })();
    try {
      // The comparison needs the requests of one period before the first swap.
      await sleep(1_500 * windowSeconds);
      for (const bundle of healthy.slice(1)) results.push({ kind: 'healthy', ...(await judge(bundle)) });
      for (const bundle of faulty) {
        results.push({ kind: 'faulty', ...(await judge(bundle)) });
        // The period before the next swap must not contain requests of this bundle.
        await sleep(2_000 * windowSeconds);
      }
    } finally {
      running.stopped = true;
      await traffic;
    }
  });
} finally {
  await serving.stop();
}
const countOf = (kind: string): number =>
  results.filter((result) => result.kind === kind && result.verdict === 'rolled back').length;
const isRight = report({ swaps: results }, [
  { name: 'healthy bundles rolled back', value: countOf('healthy'), atMost: 0 },
  { name: 'faulty bundles rolled back', value: countOf('faulty'), atLeast: faulty.length },
]);
process.exitCode = isRight ? 0 : 1;

async function promote({ bundleId }: NamedBundle): Promise<void> {
  await store.promote({ kind: 'bundle', id: bundleId }, { by: 'bench', reason: 'a benchmark' });
}

/** Promotes a bundle. Returns the verdict of the guardrails and the metrics that serving logs. */
async function judge(bundle: NamedBundle) {
  const startedAt = performance.now();
  await promote(bundle);
  const find = (pattern: RegExp): LogLine | undefined =>
    serving.output
      .split('\n')
      .filter((text) => text.includes(bundle.bundleId) && pattern.test(text) && text.endsWith('}'))
      .map((text) => JSON.parse(text) as LogLine)
      .at(-1);
  const verdict = /passed the guardrails|rolled back|not rolling back/;
  const line = await until('a verdict', async () => find(verdict), 60 + 4 * windowSeconds);
  const result = {
    name: bundle.name,
    verdict: line.msg.includes('rolled back') ? 'rolled back' : 'kept',
    reason: line.reason,
    seconds: (performance.now() - startedAt) / 1_000,
    changedShare: find(/bundles compared/)?.changedShare,
    interestCosine: find(/bundles compared/)?.interestCosine?.after,
    fallbackShare: line.fallbackShare,
  };
  logProgress(JSON.stringify(result));
  return result;
}

interface LogLine {
  readonly msg: string;
  readonly reason?: string;
  readonly changedShare?: number;
  readonly interestCosine?: { readonly after: number };
  readonly fallbackShare?: number;
}

/** Returns requests of the users of the newest interactions: 80 % by id, 10 % by behaviors, and 10 % of unknown users. */
function requestBodies(): string[] {
  const { userIds, offsets, times, items } = dataset.sequences;
  return userIds
    .flatMap((userId, user) =>
      Array.from(times.subarray(offsets[user], offsets[user + 1]), (at) => ({ userId, user, at })),
    )
    .sort((a, b) => a.at - b.at)
    .slice(-20_000)
    .map(({ userId, user }, position) => {
      if (position % 10 === 0) return { userId: `visitor ${position}` };
      if (position % 10 === 5) {
        const history = items.subarray(offsets[user], offsets[user + 1]).slice(-30);
        return { behaviors: Array.from(history, (item) => dataset.items[item]!.itemId) };
      }
      return { userId };
    })
    .map((body) => JSON.stringify({ ...body, limit: 20 }));
}
