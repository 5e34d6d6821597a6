import { createBehaviorRows, createRandom, historyEnd, writeBehaviorSequence } from '@facet/features';
import type { BehaviorRows } from '@facet/features';
import type { InferenceEngine } from '@facet/model';
import type { InterestQueries } from '@facet/retrieval';
import type { Dataset } from '../dataset/dataset.ts';

/** Enough for a standard error of the recall of about .001, and few enough to scan a million items with. */
const usersPerPart = 200;

/**
 * Interests at `asOf` of users who chose something in the test window, which is newer than what the model was fitted to;
 * of any users where nobody did. Half of the users are for tuning, the others are held out. Of a single user, the same
 * interests are both.
 */
export function sampleInterests(dataset: Dataset, kernel: InferenceEngine, asOf: number): InterestQueries {
  const users = activeUsers(dataset);
  createRandom(0).fork('index queries').shuffle(users);
  const [tuning, heldOut] = [[], []] as [Float32Array[], Float32Array[]];
  for (const user of users) {
    if (heldOut.length === usersPerPart) break;
    const interests = interestsOf(dataset, kernel, user, asOf);
    if (interests.length > 0) (tuning.length > heldOut.length ? heldOut : tuning).push(interests);
  }
  return { tuning: join(tuning), heldOut: join(heldOut.length > 0 ? heldOut : tuning) };
}

/** The behaviors that a user has at `asOf`, as the kernel reads them. */
export function behaviorsOf(
  { sequences }: Dataset,
  { sequenceLength, distinctBehaviors }: InferenceEngine,
  user: number,
  asOf: number,
): BehaviorRows {
  const rows = createBehaviorRows(1, sequenceLength);
  const window = { ...sequences, start: sequences.offsets[user]!, end: sequences.offsets[user + 1]! };
  writeBehaviorSequence(rows, 0, window, { now: asOf, distinct: distinctBehaviors });
  return rows;
}

/** The table rows of a user's features. */
export function profileOf({ profiles }: Dataset, user: number): number[] {
  return profiles.map(({ rows }) => rows[user]!);
}

function activeUsers({ sequences, split }: Dataset): Int32Array {
  const all = Int32Array.from(sequences.userIds.keys());
  const active = all.filter((user) => historyEnd(sequences, user, split.testFrom) < sequences.offsets[user + 1]!);
  return active.length > 0 ? active : all;
}

/** A user's interests that are not zero, `[K'u, D]`. */
function interestsOf(dataset: Dataset, kernel: InferenceEngine, user: number, asOf: number): Float32Array {
  const rows = behaviorsOf(dataset, kernel, user, asOf);
  const { count, vectors } = kernel.interests(rows, profileOf(dataset, user), user);
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
