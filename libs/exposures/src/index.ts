export {
  ArmSettings,
  assignArms,
  bundlesOfExperiments,
  drawShadows,
  ExperimentsSettings,
  isRunning,
  parseExperiments,
  settingsOfArms,
} from './experiments/index.ts';
export type { Arm, Arms, DrawnShadow, Experiment, ShadowArm } from './experiments/index.ts';
export type { ExposureRecord, SampledAnswer, ShadowAnswer } from './log/exposure-record.ts';
export { ExposureWriter } from './log/exposure-writer.ts';
export type { ExposureCounts, ExposureWriterOptions } from './log/exposure-writer.ts';
export { ExposureLogSettings } from './log/exposure-log-settings.ts';
export { isSampled } from './log/is-sampled.ts';
export { findExposure, readExposures } from './log/read-exposures.ts';
export type { ReadExposuresOptions } from './log/read-exposures.ts';
export type { UserErasure } from './log/erased-users.ts';
export { countErasable, eraseFromExposures } from './log/erase-exposures.ts';
export type { EraseExposuresResult } from './log/erase-exposures.ts';
export { removeOldExposures } from './log/retain-exposures.ts';
