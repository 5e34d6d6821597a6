export { readGateReport } from '../gate/gate-report.ts';
export type { ComparedSide } from './compare-sample.ts';
export { fromSentProblem, runJob, toSentProblem } from './run-job.ts';
export type { JobResult, JobTask, SentProblem } from './run-job.ts';
