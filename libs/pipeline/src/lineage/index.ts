export { fitChoiceOf, readModelInfo } from '../model/model-artifact.ts';
export { describeFit } from '../training/training-progress.ts';
export type { FitChoice } from '../model/model-artifact.ts';
export { traceLineage } from './trace-lineage.ts';
export type { Lineage } from './lineage.ts';
