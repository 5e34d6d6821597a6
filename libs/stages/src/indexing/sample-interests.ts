import { createBehaviorRows, createRandom, historyEnd, writeBehaviorSequence } from '@facet/features';
import type { BehaviorRows } from '@facet/features';
import type { InferenceEngine } from '@facet/model';
import type { InterestQueries } from '@facet/retrieval';
import type { Dataset, ModelData } from '../dataset/dataset.ts';

/** Enough for a standard error of the recall of about .001, and few enough for scans of a million items. */
const usersPerPart = 200;

/**
 * Returns interests at `asOf` of users with interactions in the test window, whose sequences are newer than the training data; of
 * any users if there are none. Half of the users are for tuning, and the others are held out. A single user is in both halves.
 */
export function sampleInterests(dataset: Dataset, engine: InferenceEngine, asOf: number): InterestQueries {
  const users = activeUsers(dataset);
  createRandom(0).fork('index queries').shuffle(users);
  const [tuning, heldOut] = [[], []] as [Float32Array[], Float32Array[]];
  for (const user of users) {
    if (heldOut.length === usersPerPart) break;
    const interests = interestsOf(dataset, engine, user, asOf);
    if (interests.length > 0) (tuning.length > heldOut.length ? heldOut : tuning).push(interests);
  }
  return { tuning: join(tuning), heldOut: join(heldOut.length > 0 ? heldOut : tuning) };
}

/** Returns the behavior sequence of a user at `asOf`. */
export function behaviorsOf(
  { sequences }: Pick<ModelData, 'sequences'>,
  { sequenceLength, distinctBehaviors }: Pick<InferenceEngine, 'sequenceLength' | 'distinctBehaviors'>,
  user: number,
  asOf: number,
): BehaviorRows {
  const rows = createBehaviorRows(1, sequenceLength);
  const window = { ...sequences, start: sequences.offsets[user]!, end: sequences.offsets[user + 1]! };
  writeBehaviorSequence(rows, 0, window, { now: asOf, distinct: distinctBehaviors });
  return rows;
}

/** Returns the table rows of a user's features. */
export function userFeaturesOf({ userFeatures }: Pick<ModelData, 'userFeatures'>, user: number): number[] {
  return userFeatures.map(({ rows }) => rows[user]!);
}

function activeUsers({ sequences, split }: Dataset): Int32Array {
  const all = Int32Array.from(sequences.userIds.keys());
  const active = all.filter((user) => historyEnd(sequences, user, split.testFrom) < sequences.offsets[user + 1]!);
  return active.length > 0 ? active : all;
}

/** Returns the non-zero interests of a user, `[K'u, D]`. */
function interestsOf(dataset: Dataset, engine: InferenceEngine, user: number, asOf: number): Float32Array {
  const rows = behaviorsOf(dataset, engine, user, asOf);
  const { count, vectors } = engine.interests(rows, userFeaturesOf(dataset, user), user);
  const dim = count === 0 ? 0 : vectors.length / count;
  const interests = Array.from({ length: count }, (_, k) => vectors.subarray(k * dim, (k + 1) * dim));
  return join(interests.filter((interest) => interest.some((value) => value !== 0)));
}

function join(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
