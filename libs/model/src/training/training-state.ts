import type { Weights } from '../weights.ts';

/** Everything a training run must keep to go on later as if it had never stopped. */
export interface TrainingState {
  readonly weights: Weights;
  /** `steps` [] that Adam has taken, and of each trained weight its two {@link moments}, shaped as it is. */
  readonly optimizer: Weights;
}

/** Adam's moments of a weight, in the order in which TensorFlow.js keeps them. */
export const moments = ['first', 'second'] as const;

/** The name of a weight's moment in {@link TrainingState.optimizer}. */
export const momentName = (moment: (typeof moments)[number], weight: string): string => `${moment}/${weight}`;
