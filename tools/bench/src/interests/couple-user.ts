import { createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import { couplingCoefficients, createInferenceEngine, embedItems, interestCohesion, unknownUser } from '@facet/model';
import type { BenchmarkData, HeldOutSequenceUser } from '@facet/pipeline/benchmark';
import type { Fitted } from './fit-weights.ts';

/** A user's items with their coupling coefficients, and the mean cosines of two items of the same and of different interests. */
export interface CoupledUser {
  readonly items: readonly number[];
  readonly coefficients: readonly (readonly number[])[];
  readonly within: number;
  readonly across: number;
}

/** Returns a function that infers how a user's behaviors divide; undefined without pairs both within and across interests. */
export function createCoupling(
  data: BenchmarkData['data'],
  { spec, weights }: Fitted,
): (user: HeldOutSequenceUser) => CoupledUser | undefined {
  const { embeddingDim: D, sequenceLength: L, distinctBehaviors: distinct } = spec.config;
  const { trainedCount } = data.vocabulary;
  const embeddings = embedItems(spec, weights, {
    itemCount: spec.itemCount,
    trainedCount,
    features: data.itemFeatures,
  });
  const engine = createInferenceEngine(spec, weights, embeddings);
  return ({ userIndex, start, end, queryTime }) => {
    const rows = createBehaviorRows(1, L);
    writeBehaviorSequence(rows, 0, { ...data.sequences, start, end }, { now: queryTime, distinct });
    const profile = data.profiles.map(({ rows: tableRows }) => tableRows[userIndex]!);
    const interests = engine.interests(rows, profile, unknownUser);
    const all = couplingCoefficients(interests);
    const slots = [...rows.items.keys()].filter((slot) => rows.items[slot]! > 0);
    const items = slots.map((slot) => rows.items[slot]!);
    const coefficients = slots.map((slot) => [...all.subarray(slot * interests.count, (slot + 1) * interests.count)]);
    const vectors = items.map((item) => embeddings.subarray(item * D, (item + 1) * D));
    const { within, across } = interestCohesion(vectors, coefficients);
    return within === undefined || across === undefined ? undefined : { items, coefficients, within, across };
  };
}
