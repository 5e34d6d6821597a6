/* What `facet benchmark` and the measurements of its parts need: every system on the same data, protocol and evaluation. */
export { encodeTables } from '../dataset/dataset.ts';
export { createModelScorer } from '../evaluation/model-scorer.ts';
export { heldOutLast, rankTasks } from '../evaluation/tasks.ts';
export { modelSpecOf } from '../training/model-spec.ts';
export { openBenchmarkData } from './benchmark-data.ts';
export type { BenchmarkData, BenchmarkSource } from './benchmark-data.ts';
export { protocolNames } from './protocol.ts';
export type { ProtocolName } from './protocol.ts';
export { coldGrid, costGrid, qualityGrid, saveTable } from './render-table.ts';
export { runBenchmark } from './run-benchmark.ts';
export type { BenchmarkRow } from './run-benchmark.ts';
export { summarize } from './table.ts';
export type { BenchmarkTable, SystemSummary } from './table.ts';
export { readSweep, sweepSystems } from './sweep.ts';
export type { Sweep, SweepResult } from './sweep.ts';
export { chooseSystems } from './systems.ts';
export type { Setting } from './tower-settings.ts';
