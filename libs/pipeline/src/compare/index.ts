export { readGateReport } from '../gate/gate-report.ts';
export type { ComparedSide } from './compare-sample.ts';
export { runJob } from './run-job.ts';
export type { JobResult, JobTask } from './run-job.ts';
