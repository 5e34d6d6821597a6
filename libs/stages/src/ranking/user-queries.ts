import { preparedUsersMax } from '@facet/evaluation';
import type { ScoredUser, UserInterests } from '@facet/evaluation';
import { behaviorRowLength, createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import type { BehaviorRows } from '@facet/features';
import { indexDim, interestCountOf, mergeInterests } from '@facet/model';
import type { InferenceEngine, ModelSpec } from '@facet/model';
import type { BatchTower } from '@facet/model/training';
import type { ModelData } from '../dataset/dataset.ts';

/** A held-out user whose history is positions start .. end − 1 of the dataset's sequences. */
export interface SequenceUser extends ScoredUser {
  readonly userIndex: number;
  readonly start: number;
  readonly end: number;
  /** The time of the query, epoch milliseconds. Determines popularity and the ages of behaviors. */
  readonly queryTime: number;
}

/** What a model computes from a user before it scores items. */
interface UserQuery {
  readonly interests: UserInterests;
  /** The bonus of each item of the behavior sequence. */
  readonly bonuses: ReadonlyMap<number, number>;
}

/** Computes the queries of users, each at the user's query time. */
type ComputeQueries = (users: readonly SequenceUser[]) => UserQuery[];

export interface QueryInputs {
  readonly sequences: ModelData['sequences'];
  readonly spec: ModelSpec;
  readonly engine: InferenceEngine;
  /** One table row per user feature. */
  readonly userFeaturesOf: (user: number) => number[];
  /** The row of a user with learned vectors, for models with user vectors. */
  readonly userRowOf: (user: number) => number;
}

/** The queries of users, each kept for a while, because several tasks and reports need the same user. */
export interface UserQueries {
  /** Computes the queries of at most {@link preparedUsersMax} users, which takes less time than one by one. May drop earlier queries. */
  prepare(users: readonly SequenceUser[]): void;
  get(user: SequenceUser): UserQuery;
}

/** @param tower Computes the interests of a batch. Default: the inference engine does, one user at a time. */
export function createUserQueries(inputs: QueryInputs, tower: BatchTower | undefined): UserQueries {
  const compute = tower === undefined ? queryByEngine(inputs) : queryByTower(inputs, tower);
  const known = new Map<SequenceUser, UserQuery>();
  const prepare = (users: readonly SequenceUser[]): void => {
    let unknown = users.filter((user) => !known.has(user));
    if (unknown.length > 0 && known.size + unknown.length > preparedUsersMax) {
      known.clear();
      unknown = [...users];
    }
    for (const batch of batchesOf(unknown, inputs.spec.config.sequenceLength)) {
      compute(batch).forEach((query, row) => known.set(batch[row]!, query));
    }
  };
  return {
    prepare,
    get(user) {
      prepare([user]);
      return known.get(user)!;
    },
  };
}

/** Limits of a batch: enough users and behaviors for two cores, and few enough for little memory. */
const batchMax = { users: 1024, slots: 32_768 };

/** Groups users with similar numbers of behaviors, because the longest sequence determines the cost of a batch. */
function* batchesOf(users: readonly SequenceUser[], sequenceLength: number): Generator<SequenceUser[]> {
  const lengthOf = ({ start, end }: SequenceUser): number => Math.min(sequenceLength, end - start);
  const sorted = users.toSorted((a, b) => lengthOf(a) - lengthOf(b));
  let batch: SequenceUser[] = [];
  for (const user of sorted) {
    const size = batch.length + 1;
    if (batch.length > 0 && (size > batchMax.users || size * lengthOf(user) > batchMax.slots)) {
      yield batch;
      batch = [];
    }
    batch.push(user);
  }
  if (batch.length > 0) yield batch;
}

/** Computes one user at a time, with the inference engine of serving. */
function queryByEngine({ sequences, spec, engine, userFeaturesOf, userRowOf }: QueryInputs): ComputeQueries {
  const { sequenceLength: L, distinctBehaviors: distinct, embeddingDim: D, repeatBonus } = spec.config;
  return (users) =>
    users.map((user) => {
      const rows = createBehaviorRows(1, L);
      const window = { ...sequences, start: user.start, end: user.end };
      writeBehaviorSequence(rows, 0, window, { now: user.queryTime, distinct });
      const { count, vectors } = engine.interests(rows, userFeaturesOf(user.userIndex), userRowOf(user.userIndex));
      const interests = { count, vectors: columnsBefore(D, indexDim(spec), vectors) };
      return { interests, bonuses: repeatBonus ? bonusesOf(rows, engine) : noBonuses };
    });
}

/** Computes a batch at once, with the user tower of TensorFlow. Rows are as long as the longest sequence. */
function queryByTower(
  { sequences, spec, engine, userFeaturesOf, userRowOf }: QueryInputs,
  tower: BatchTower,
): ComputeQueries {
  const { config, userFeatures } = spec;
  const { interests: K, embeddingDim: D, distinctBehaviors: distinct } = config;
  const hasUserVectors = config.extractor.kind === 'user-vectors';
  return (users) => {
    const lengths = Int32Array.from(users, ({ start, end }) => end - start);
    const behaviors = createBehaviorRows(users.length, behaviorRowLength(lengths, config.sequenceLength));
    const featureRows = users.map(({ userIndex }) => userFeaturesOf(userIndex));
    const userRows = Int32Array.from(users, ({ userIndex }) => userRowOf(userIndex));
    const active = new Float32Array(users.length * K);
    const counts = users.map((user, row) => {
      const window = { ...sequences, start: user.start, end: user.end };
      const n = writeBehaviorSequence(behaviors, row, window, { now: user.queryTime, distinct });
      const count = interestCountOf(config, n, userRows[row]!);
      active.fill(1, row * K, row * K + count);
      return count;
    });
    const interests = tower.interests({
      behaviors,
      active,
      userFeatures: userFeatures.map((_, feature) => Int32Array.from(featureRows, (rows) => rows[feature]!)),
      // Users without a row have no interests, so any row may be read for them.
      userRows: hasUserVectors ? userRows.map((row) => Math.max(0, row)) : undefined,
    });
    return counts.map((count, row) => ({
      interests: mergeInterests(config, {
        count,
        vectors: interests.slice(row * K * D, (row * K + count) * D),
        behaviorWeights: new Float32Array(0),
      }),
      bonuses: config.repeatBonus ? bonusesOf(rowOf(behaviors, row), engine) : noBonuses,
    }));
  };
}

function rowOf({ length, items, ages, counts }: BehaviorRows, row: number): BehaviorRows {
  const of = (values: Int32Array): Int32Array => values.subarray(row * length, (row + 1) * length);
  return { length, items: of(items), ages: of(ages), counts: of(counts) };
}

const noBonuses: ReadonlyMap<number, number> = new Map();

/** Returns the bonus of each item of a behavior sequence, which is the bonus of its newest behavior. */
function bonusesOf(rows: BehaviorRows, engine: InferenceEngine): ReadonlyMap<number, number> {
  const bySlot = engine.repeatBonuses(rows);
  const bonuses = new Map<number, number>();
  for (let slot = rows.length - 1; slot >= 0; slot--) {
    const item = rows.items[slot]!;
    if (item !== 0 && !bonuses.has(item)) bonuses.set(item, bySlot[slot]!);
  }
  return bonuses;
}

/** Returns the first `columns` columns of a matrix with `width` columns. */
export function columnsBefore(columns: number, width: number, matrix: Float32Array): Float32Array {
  if (columns === width) return matrix;
  const rows = matrix.length / width;
  const kept = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) kept.set(matrix.subarray(row * width, row * width + columns), row * columns);
  return kept;
}
