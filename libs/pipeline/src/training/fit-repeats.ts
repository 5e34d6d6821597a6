import { createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import { fittedRepeatBonus, repeatFeatureCount, repeatFeatures } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import * as tensorFlow from '@facet/model/training';
import type { RepeatExample } from '@facet/model/training';
import type { ModelData } from '../dataset/dataset.ts';
import { createModelScorer } from '../evaluation/model-scorer.ts';
import { sampleUsers } from '../evaluation/tasks.ts';
import type { HeldOut, HeldOutSequenceUser } from '../evaluation/tasks.ts';

/** More users change the six weights by less than the noise between seeds. */
const usersMax = 1000;

/**
 * Returns the weights of the repeat bonus, fitted on labels that the model has not seen; none for a model without repeat bonus. Training
 * alone overestimates how well the interests predict repeats, because the item vectors have learned the repeats of the training data.
 *
 * @param heldOut The part that the model has not seen.
 */
export function fitRepeats(data: ModelData, spec: ModelSpec, weights: Weights, heldOut: HeldOut): Weights {
  if (!spec.config.repeatBonus) return {};
  const withoutBonus = { ...weights, [fittedRepeatBonus]: { shape: [6], data: Float32Array.of(1, 0, 0, 0, 0, 0) } };
  const scorer = createModelScorer(data, spec, withoutBonus, { ...heldOut, tensorFlow });
  try {
    const users = sampleUsers(heldOut.users, usersMax).filter(({ truth }) => truth.items.length > 0);
    scorer.interests(users);
    const examples = users.map((user) => exampleOf(user, scorer.score(user), data, spec));
    const scored = examples.filter(({ logOthers }) => Number.isFinite(logOthers));
    return tensorFlow.fitRepeatBonus(scored, weights);
  } finally {
    scorer.dispose();
  }
}

function exampleOf(
  user: HeldOutSequenceUser,
  scores: Float32Array,
  { sequences }: ModelData,
  { config: { sequenceLength: L, distinctBehaviors: distinct } }: ModelSpec,
): RepeatExample {
  const rows = createBehaviorRows(1, L);
  const window = { ...sequences, start: user.start, end: user.end };
  const n = writeBehaviorSequence(rows, 0, window, { now: user.queryTime, distinct });
  const truth = new Set(user.truth.items);
  const inputs: number[] = [];
  const isLabel: number[] = [];
  const features = new Float32Array(repeatFeatureCount);
  // The newest behavior of an item is the last.
  for (let slot = L - 1; slot >= L - n; slot--) {
    const item = rows.items[slot]!;
    if (scores[item]! === -Infinity) continue;
    repeatFeatures(features, 0, rows.ages[slot]!, rows.counts[slot]!, n);
    inputs.push(scores[item]!, ...features);
    isLabel.push(truth.has(item) ? 1 : 0);
    scores[item] = -Infinity;
  }
  return {
    inputs: Float64Array.from(inputs),
    isLabel: Uint8Array.from(isLabel),
    logOthers: logSumExp(scores),
    labelCount: user.truth.items.length,
  };
}

function logSumExp(scores: Float32Array): number {
  const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  return largest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - largest), 0));
}
