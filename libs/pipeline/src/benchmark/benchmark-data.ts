import { createHash } from 'node:crypto';
import { readItemFiles, ReportBuilder } from '@facet/import';
import { openLakeSnapshot } from '@facet/lake';
import type { Item, User } from '@facet/schemas';
import { leaveOneOutCut, orderTable, userSplitCut } from '@facet/features';
import type { Cut, InteractionTable } from '@facet/features';
import { AppError } from '@facet/platform';
import { layOutTables, selectInteractions } from '../dataset/build-dataset.ts';
import { openDataset } from '../dataset/dataset-artifact.ts';
import { readCatalog } from '../dataset/make-dataset.ts';
import { encodeTables } from '../dataset/dataset.ts';
import type { ModelData } from '../dataset/dataset.ts';
import { readCutInteractions } from '../dataset/make-dataset.ts';
import { datasetStage } from '../stages/pipeline-stages.ts';
import type { StageContext } from '../context/stage-context.ts';
import { leaveOneOutProtocol, timeSplitProtocol, userSplitProtocol, userSplitSeed } from './protocol.ts';
import type { Protocol, ProtocolName } from './protocol.ts';
import { readSequencesFile } from './sequences-file.ts';

/** The source of a benchmark's interactions. */
export type BenchmarkSource =
  { readonly kind: 'home' } | { readonly kind: 'sequences'; readonly path: string; readonly items: readonly string[] };

/** The data and the protocol that all systems of a benchmark share. */
export interface BenchmarkData {
  /** The hash of the data. */
  readonly id: string;
  readonly data: ModelData;
  readonly protocol: Protocol;
  /** Whether times are real. Without them there is no popularity at a time. */
  readonly hasTimes: boolean;
}

/**
 * Reads the events of a home, or the sequences of a file, and splits them by a protocol.
 *
 * @throws AppError `BENCHMARK_NO_TIMES` for a time split of sequences; `BENCHMARK_TOO_SHORT` if the protocol finds no test users; as
 *   `datasetStage`, `readSequencesFile` and `readItemFiles`.
 */
export async function openBenchmarkData(
  context: StageContext,
  source: BenchmarkSource,
  protocol: ProtocolName,
): Promise<BenchmarkData> {
  if (protocol !== 'time-split') return openByPosition(context, source, positionProtocols[protocol]);
  if (source.kind === 'sequences') {
    throw new AppError(`${source.path} contains no times, so a time split is impossible.`, {
      code: 'BENCHMARK_NO_TIMES',
      category: 'input',
      remedy: 'Use --protocol leave-one-out or user-split, or import events with times.',
    });
  }
  const { output } = await datasetStage(context);
  const dataset = await openDataset(context.store, output.datasetId);
  return { id: dataset.id, data: dataset, protocol: timeSplitProtocol(dataset, dataset.split), hasTimes: true };
}

/** A protocol whose cuts are positions in the sequences of users. */
interface PositionProtocol {
  /** Overrides `interactions.repeats` of facet.yaml. */
  readonly repeats?: Rules['repeats'];
  readonly cut: (table: InteractionTable) => Cut;
  readonly split: (data: ModelData) => Protocol;
  /** Why a dataset can have no test users. */
  readonly tooShort: string;
}

const positionProtocols: Readonly<Record<Exclude<ProtocolName, 'time-split'>, PositionProtocol>> = {
  'leave-one-out': {
    repeats: 'first',
    cut: (table) => leaveOneOutCut(table, 'test'),
    split: leaveOneOutProtocol,
    tooShort: 'No user has three distinct items, so leave-one-out has no test users.',
  },
  'user-split': {
    cut: (table) => userSplitCut(table, userSplitSeed),
    split: userSplitProtocol,
    tooShort: 'Too few users have two interactions, so the user split has no validation or test users.',
  },
};

async function openByPosition(
  context: StageContext,
  source: BenchmarkSource,
  { repeats = context.config.interactions.repeats, cut, split, tooShort }: PositionProtocol,
): Promise<BenchmarkData> {
  const { config } = context;
  const rules = { ...config.interactions, repeats };
  const { table, items, users } =
    source.kind === 'home' ? await readHome(context, rules) : await readSequences(context, source, rules);
  const { learned, ...tables } = layOutTables(table, cut(table), { items, users, features: config.features });
  const data = encodeTables(tables, learned);
  const protocol = split(data);
  if (protocol.validation.users.length === 0 || protocol.test.users.length === 0) {
    throw new AppError(tooShort, {
      code: 'BENCHMARK_TOO_SHORT',
      category: 'input',
      remedy: 'Use another --protocol, or import more events.',
    });
  }
  return { id: hashOf(data), data, protocol, hasTimes: source.kind === 'home' };
}

interface OrderedInteractions {
  readonly table: InteractionTable;
  readonly items: readonly Item[];
  readonly users: readonly User[];
}

type Rules = StageContext['config']['interactions'];

async function readHome({ home, config }: StageContext, rules: Rules): Promise<OrderedInteractions> {
  const snapshot = await openLakeSnapshot(home.lakeFolder);
  const interactions = await readCutInteractions({ snapshot, settings: config, resources: config.dataset }, {});
  const { items, users } = await readCatalog(home);
  return { table: selectInteractions(interactions, rules).table, items, users };
}

/** Multiple values in a cell of the item file are separated by `|`, unless `mapping` sets another separator. */
async function readSequences(
  { config }: StageContext,
  source: Extract<BenchmarkSource, { kind: 'sequences' }>,
  rules: Rules,
): Promise<OrderedInteractions> {
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
