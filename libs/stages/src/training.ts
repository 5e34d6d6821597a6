/* The exports that load TensorFlow. */
export { createValidator, fitModel } from './training/fit-model.ts';
export { trainPhase } from './training/train-phase.ts';
export { planStart } from './training/warm-start.ts';
