import type { Dataset } from '../dataset/dataset.ts';
import type { Model } from '../training/model-artifact.ts';
import { forBothTasks } from './baselines.ts';
import { createModelScorer } from './model-scorer.ts';
import { evaluateTasks, heldOutWindow } from './tasks.ts';
import type { TaskEvaluations } from './tasks.ts';

/** A model's figures on the test window of its dataset, user by user: what models are compared by. */
export function rankTestWindow(options: {
  readonly dataset: Dataset;
  readonly model: Model;
  readonly cutoffs: readonly number[];
  readonly tieSeed: number;
}): TaskEvaluations {
  const { dataset, model } = options;
  const { testFrom } = dataset.split;
  const window = heldOutWindow(dataset, testFrom, Number.POSITIVE_INFINITY);
  const scorer = createModelScorer(dataset, model.info.spec, model.weights, window);
  return evaluateTasks(forBothTasks(scorer.score), window.users, { ...options, catalogSize: dataset.items.length - 1 });
}
