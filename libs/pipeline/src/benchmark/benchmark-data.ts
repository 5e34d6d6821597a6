import { createHash } from 'node:crypto';
import { readItemFiles, ReportBuilder } from '@facet/import';
import { openLakeSnapshot } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { leaveOneOutCut, orderTable } from '@facet/features';
import type { ChoiceTable } from '@facet/features';
import { AppError } from '@facet/platform';
import { layOutTables, selectChoices } from '../dataset/build-dataset.ts';
import { openDataset } from '../dataset/dataset-artifact.ts';
import { readCatalog } from '../dataset/make-dataset.ts';
import { encodeTables } from '../dataset/dataset.ts';
import type { ModelData } from '../dataset/dataset.ts';
import { readCutChoices } from '../dataset/make-dataset.ts';
import { datasetStage } from '../stages/pipeline-stages.ts';
import type { StageContext } from '../context/stage-context.ts';
import { leaveOneOutProtocol, timeSplitProtocol } from './protocol.ts';
import type { Protocol, ProtocolName } from './protocol.ts';
import { readSequencesFile } from './sequences-file.ts';

/** Where a benchmark's interactions come from. */
export type BenchmarkSource =
  { readonly kind: 'home' } | { readonly kind: 'sequences'; readonly path: string; readonly items: readonly string[] };

/** What all systems of a benchmark are fitted and measured on. */
export interface BenchmarkData {
  /** A hash of it. */
  readonly id: string;
  readonly data: ModelData;
  readonly protocol: Protocol;
  /** Whether times are real: without them popularity cannot be that of a moment. */
  readonly hasTimes: boolean;
}

/**
 * The events of a home, or the sequences of a file, divided by a protocol.
 *
 * @throws AppError `BENCHMARK_NO_TIMES` for a time split of sequences, `BENCHMARK_TOO_SHORT` where leave-one-out leaves nobody;
 *   those of `datasetStage`, `readSequencesFile`, `readItemFiles`.
 */
export async function openBenchmarkData(
  context: StageContext,
  source: BenchmarkSource,
  protocol: ProtocolName,
): Promise<BenchmarkData> {
  if (protocol === 'leave-one-out') return openLeaveOneOut(context, source);
  if (source.kind === 'sequences') {
    throw new AppError(`${source.path} has no times to split by.`, {
      code: 'BENCHMARK_NO_TIMES',
      category: 'input',
      remedy: 'Use --protocol leave-one-out, or files of events.',
    });
  }
  const { output } = await datasetStage(context);
  const dataset = await openDataset(context.store, output.datasetId);
  return { id: dataset.id, data: dataset, protocol: timeSplitProtocol(dataset, dataset.split), hasTimes: true };
}

async function openLeaveOneOut(context: StageContext, source: BenchmarkSource): Promise<BenchmarkData> {
  const { config } = context;
  const rules = { ...config.interactions, repeats: 'first' as const };
  const { table, items, users } =
    source.kind === 'home' ? await readHome(context, rules) : await readSequences(context, source, rules);
  const cut = leaveOneOutCut(table, 'test');
  const { learned, ...tables } = layOutTables(table, cut, { items, users, features: config.features });
  const data = encodeTables(tables, learned);
  const protocol = leaveOneOutProtocol(data);
  if (protocol.test.users.length === 0) {
    throw new AppError('Nobody has three distinct items, so leave-one-out leaves nobody to ask.', {
      code: 'BENCHMARK_TOO_SHORT',
      category: 'input',
      remedy: 'Use --protocol time-split, or more events.',
    });
  }
  return { id: hashOf(data), data, protocol, hasTimes: source.kind === 'home' };
}

interface Ordered {
  readonly table: ChoiceTable;
  readonly items: readonly Item[];
  readonly users: readonly User[];
}

type Rules = StageContext['config']['interactions'];

async function readHome({ home, config }: StageContext, rules: Rules): Promise<Ordered> {
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  const choices = await readCutChoices({ snapshot, settings: config, resources: config.dataset }, {});
  const { items, users } = await readCatalog(home);
  return { table: selectChoices(choices, rules).table, items, users };
}

/** In the cells of the items' file, values that stand beside each other are separated by `|`, unless `mapping` says otherwise. */
async function readSequences(
  { config }: StageContext,
  source: Extract<BenchmarkSource, { kind: 'sequences' }>,
  rules: Rules,
): Promise<Ordered> {
  const { table } = orderTable(await readSequencesFile(source.path), rules);
  const items: Item[] = [];
  const mapping = { ...config.mapping, items: { separator: '|', ...config.mapping?.items } };
  const now = (): number => Date.now();
  await readItemFiles(source.items, { mapping, now }, new ReportBuilder(now()), (item) => items.push(item));
  return { table, items, users: [] };
}

function hashOf({ sequences, items, userAttributes, itemFeatures }: ModelData): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of [sequences.offsets, sequences.items, sequences.times]) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  const named = { users: sequences.userIds, items, userAttributes, features: itemFeatures.map(({ schema }) => schema) };
  return hash.update(JSON.stringify(named)).digest('hex').slice(0, 32);
}
