import { setImmediate } from 'node:timers/promises';
import { scoreInBlocks } from '@facet/evaluation';
import { createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import { fittedRepeatWeights, repeatFeatureCount, repeatFeatures } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import * as tensorFlow from '@facet/model/training';
import type { RepeatExample } from '@facet/model/training';
import type { ModelData } from '../dataset/dataset.ts';
import { createModelScorer } from '../ranking/model-scorer.ts';
import { sampleUsers } from '../ranking/tasks.ts';
import type { HeldOut, HeldOutSequenceUser } from '../ranking/tasks.ts';

/** More users change the weights by less than another seed does. */
const usersMax = 1000;

/**
 * Returns the weights of repeated items, fitted on labels that the model has not seen. Item embeddings also memorize the repeats of the
 * training users, so the loss of the training overestimates how well interests predict repeats. Returns no weights if the model has no
 * repeat bonus, or if there are too few users.
 *
 * @param heldOut The part that the model has not seen.
 */
export async function fitHeldOutRepeats(
  { data, spec, weights }: { readonly data: ModelData; readonly spec: ModelSpec; readonly weights: Weights },
  heldOut: HeldOut,
  signal?: AbortSignal,
): Promise<Weights> {
  if (!spec.config.repeatBonus) return {};
  const withoutBonus = { shape: [1 + repeatFeatureCount], data: Float32Array.of(1, 0, 0, 0, 0, 0) };
  const scored = { ...weights, [fittedRepeatWeights]: withoutBonus };
  const { ranker, dispose } = createModelScorer(data, spec, scored, { ...heldOut, tensorFlow });
  try {
    const users = sampleUsers(
      heldOut.users.filter(({ truth }) => truth.items.length > 0),
      usersMax,
    ).toSorted((a, b) => a.queryTime - b.queryTime);
    const { usersMax: blockSize, prepare, scoreBlock } = scoreInBlocks(ranker);
    prepare?.(users);
    const examples: RepeatExample[] = [];
    for (let start = 0; start < users.length; start += blockSize) {
      await setImmediate();
      signal?.throwIfAborted();
      const block = users.slice(start, start + blockSize);
      const { scores, width } = scoreBlock(block);
      for (const [row, user] of block.entries()) {
        examples.push(repeatExampleOf(user, scores.subarray(row * width, (row + 1) * width), data, spec.config));
      }
    }
    return tensorFlow.fitRepeatWeights(
      examples.filter(({ logOthers }) => Number.isFinite(logOthers)),
      weights,
    );
  } finally {
    dispose();
  }
}

/** Returns the example of one user. @param scores [N + 1] of the candidates, minus infinity for other items. The function overwrites them. */
export function repeatExampleOf(
  user: HeldOutSequenceUser,
  scores: Float32Array,
  { sequences }: Pick<ModelData, 'sequences'>,
  { sequenceLength: L, distinctBehaviors: distinct }: Pick<ModelSpec['config'], 'sequenceLength' | 'distinctBehaviors'>,
): RepeatExample {
  const rows = createBehaviorRows(1, L);
  const window = { ...sequences, start: user.start, end: user.end };
  const n = writeBehaviorSequence(rows, 0, window, { now: user.queryTime, distinct });
  const truth = new Set(user.truth.items);
  const inputs: number[] = [];
  const isLabel: number[] = [];
  const features = new Float32Array(repeatFeatureCount);
  // From newest to oldest, because only the newest behavior of an item counts.
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
