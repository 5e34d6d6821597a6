export type { ArmFigure, ArmOutcome, ArmReport, ExperimentReport } from './experiment-report.ts';
export { readExperimentDays, readExperimentReport } from './read-report.ts';
export type { ExperimentDay, ReadReport } from './read-report.ts';
