/* The exports for serving, which must not load the gate: comparisons run in a child process. */
export { GateReport, readGateReport } from '../gate-report.ts';
export { runJob, SampleComparison } from './run-job.ts';
export type { ComparedSide, JobResult, JobTask } from './run-job.ts';
