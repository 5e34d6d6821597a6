/* The exports that load the stages. */
export { executeRun, executeStage } from './execute-run.ts';
export { traceLineage } from './trace-lineage.ts';
