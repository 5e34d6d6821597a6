export { readGateReport } from '../gate/gate-report.ts';
export type { ComparedSide } from './compare-sample.ts';
export { runInThread } from './compare-thread.ts';
export type { ThreadResult, ThreadTask } from './compare-thread.ts';
