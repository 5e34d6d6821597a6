/*
 * Contains the stage gate, which decides whether a bundle may replace the current bundle, and records the reasons.
 * Start with `gateStage`, `sampleRequests` and `readGateReport`. `@facet/gate/compare` compares two bundles for serving, in a child process.
 * Imports no `@facet/refresh` and no `@facet/stages/training`: the gate neither queues nor trains.
 */
export { sampleRequests } from './bundle-checks.ts';
export { readGateReport } from './gate-report.ts';
export type { GateCheck, GateReport } from './gate-report.ts';
export { gateStage } from './gate-stage.ts';
