/*
 * Assigns users to the arms of experiments, and records the responses of serving. `@facet/exposures/report` compares the arms.
 * Start with `assignArms`, `ExposureWriter` and `readExposures`.
 * Imports no `@facet/bundles` and no `@facet/artifacts`: an arm only names a bundle, and serving loads the bundle.
 */
export {
  assignArms,
  periodOf,
  bundlesOfExperiments,
  drawShadows,
  ExperimentsSettings,
  findExperiment,
  isRunning,
  parseExperiments,
  settingsOfArms,
} from './experiments/experiment.ts';
export type { Arms, DrawnShadow, Experiment } from './experiments/experiment.ts';
export { countErasable, eraseFromExposures } from './log/erase-exposures.ts';
export type { EraseExposuresResult } from './log/erase-exposures.ts';
export { isSampled } from './log/exposure-record.ts';
export type { ExposureRecord, SampledResponse, ShadowResponse } from './log/exposure-record.ts';
export { ExposureLogSettings, ExposureWriter } from './log/exposure-writer.ts';
export type { ExposureCounts } from './log/exposure-writer.ts';
export { findExposure, readExposures } from './log/read-exposures.ts';
