export { GateReport, readGateReport } from '../gate/gate-report.ts';
export { runJob, SampleComparison } from './run-job.ts';
export type { ComparedSide, JobResult, JobTask } from './run-job.ts';
