export { readExperimentDays, readExperimentReport } from './read-report.ts';
export type { ReadReport } from './read-report.ts';
export { ExperimentDay, ExperimentReport } from './report-schema.ts';
export type { ArmFigure, ArmOutcome, ArmReport } from './report-schema.ts';
