export { reportExperiment } from './experiment-report.ts';
export type { ArmFigure, ArmOutcome, ArmReport, ExperimentReport } from './experiment-report.ts';
export { joinOutcomes } from './join-outcomes.ts';
export type { JoinCounts } from './join-outcomes.ts';
