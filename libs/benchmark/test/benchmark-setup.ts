import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { homePaths } from '@facet/config';
import { createRandom } from '@facet/features';
import { upsertItems } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import { temporaryFolder } from '@facet/testing';
import { chooseSystems } from '../src/choose-systems.ts';
import { openBenchmarkData } from '../src/benchmark-data.ts';
import { runBenchmark } from '../src/run-benchmark.ts';
import type { BenchmarkData } from '../src/benchmark-data.ts';
import type { BenchmarkRun } from '../src/run-benchmark.ts';
import type { ProtocolName } from '../src/protocol.ts';
import type { Setting } from '../src/tower-settings.ts';
import type { System } from '../src/system.ts';
import { createStageContext } from '@facet/stages';
import type { StageContext } from '@facet/stages';
import { importEvents, shopConfig, things } from '@facet/stages/testing';

/** Settings with which a tower trains within seconds. */
export const small: readonly Setting[] = [
  { name: 'd', value: 6 },
  { name: 'K', value: 2 },
  { name: 'L', value: 8 },
  { name: 'hiddenUnits', value: [8] },
  { name: 'epochs', value: 2 },
  { name: 'batchSize', value: 32 },
];

/** Writes sequences, one line each, and the catalog of the items i0 to i23. */
async function writeSequences(folder: string, lines: readonly string[]): Promise<string> {
  const path = join(folder, 'sequences.txt');
  await writeFile(path, [...lines, ''].join('\n'));
  await writeFile(
    join(folder, 'items.tsv'),
    [
      'item_id\ttitle\tkinds',
      ...Array.from({ length: 24 }, (_, item) => `i${item}\tthing ${item}\tk${item >> 3}|all`),
      'fresh1\tthing new\tk0|all',
      'fresh2\tthing new\tk1|all',
    ].join('\n'),
  );
  return path;
}

/** Returns sequences of 40 users of three kinds. Each user takes the 8 things of a kind in order, from a different start. */
export function themedSequences(): string[] {
  const random = createRandom(1);
  return Array.from({ length: 40 }, (_, user) => {
    const from = random.int(8);
    const length = 3 + random.int(4);
    return [`u${user}`, ...Array.from({ length }, (_, step) => `i${(user % 3) * 8 + ((from + step) % 8)}`)].join(' ');
  });
}

/** Returns the context of a new home with these events and the things of the tiny shop. */
export async function openShop(events: readonly LakeEvent[]): Promise<StageContext> {
  const home = homePaths(await temporaryFolder());
  await importEvents(home, events);
  await upsertItems(home.catalogFolder, things);
  return createStageContext(home, shopConfig());
}

export interface OpenedBenchmark {
  readonly context: StageContext;
  readonly benchmark: BenchmarkData;
}

/** Returns the systems with these names, or all. */
export function systemsOf(
  { context, benchmark }: OpenedBenchmark,
  names?: readonly string[],
  settings: readonly Setting[] = small,
): System[] {
  return chooseSystems(names, { config: context.config, benchmark, settings });
}

/** Runs each system once, or once for each seed. */
export function runSystems(
  { context, benchmark }: OpenedBenchmark,
  systems: readonly System[],
  seeds = 1,
): Promise<BenchmarkRun> {
  return runBenchmark({ context, benchmark, systems, seeds, version: 'test', now: () => 0 });
}

export async function openSequences(
  lines: readonly string[],
  protocol: Exclude<ProtocolName, 'rolling'>,
): Promise<OpenedBenchmark> {
  const folder = await temporaryFolder();
  const path = await writeSequences(folder, lines);
  const context = createStageContext(homePaths(join(folder, 'home')), shopConfig({ evaluation: { cutoffs: [3, 10] } }));
  const source = { kind: 'sequences', path, items: [join(folder, 'items.tsv')], users: [] } as const;
  return { context, benchmark: await openBenchmarkData(context, source, protocol) };
}
