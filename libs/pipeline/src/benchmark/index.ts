/* What `facet benchmark` needs of the pipeline: every system on the same data, protocol and evaluation. */
export { openBenchmarkData } from './benchmark-data.ts';
export type { BenchmarkData, BenchmarkSource } from './benchmark-data.ts';
export { protocolNames } from './protocol.ts';
export type { ProtocolName } from './protocol.ts';
export { costGrid, qualityGrid, saveTable } from './render-table.ts';
export { runBenchmark } from './run-benchmark.ts';
export type { BenchmarkRow } from './run-benchmark.ts';
export { summarize } from './table.ts';
export type { BenchmarkTable, SystemSummary } from './table.ts';
export { chooseSystems } from './systems.ts';
export type { Setting } from './tower-settings.ts';
