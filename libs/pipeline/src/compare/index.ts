export { readGateReport } from '../gate/gate-report.ts';
export type { GateReport } from '../gate/gate-report.ts';
export type { ComparedSide, SampleComparison } from './compare-sample.ts';
export { runInThread } from './compare-thread.ts';
export type { ThreadResult, ThreadTask } from './compare-thread.ts';
