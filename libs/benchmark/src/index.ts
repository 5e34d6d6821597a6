/*
 * Compares systems with the same data, protocol and metrics: `facet benchmark`.
 * Start with `openBenchmarkData`, `chooseSystems` and `runBenchmark`.
 * Imports no `@facet/gate` and no `@facet/refresh`: a benchmark promotes nothing.
 */
export { openBenchmarkData, openRollingData } from './benchmark-data.ts';
export type { BenchmarkData, BenchmarkSource } from './benchmark-data.ts';
export { checkChoice, chooseSystems, describeVariants } from './choose-systems.ts';
export { protocolNames } from './protocol.ts';
export type { ProtocolName } from './protocol.ts';
export { coldGrid, costGrid, describeFailed, describeVersions, qualityGrid, saveTable } from './render-table.ts';
export { joinPeriods, joinRuns, runBenchmark } from './run-benchmark.ts';
export type { BenchmarkRow, BenchmarkRun, RunOptions } from './run-benchmark.ts';
export { readSweep, sweepSystems } from './sweep.ts';
export type { System } from './system.ts';
export { describeData, summarize } from './table.ts';
export type { BenchmarkTable } from './table.ts';
export { towerSettings } from './tower-settings.ts';
export type { Setting, Sweep } from './tower-settings.ts';
export { validationUsersMax } from './tower-systems.ts';
