export { fitChoiceOf, readModelInfo } from '../model/model-artifact.ts';
export type { FitChoice } from '../model/model-artifact.ts';
export { traceLineage } from './trace-lineage.ts';
export type { Lineage } from './lineage.ts';
