export { ArmSettings, ExperimentsSettings } from './experiments-settings.ts';
export type { Arm, Experiment, ShadowArm } from './experiment.ts';
export { bundlesOfExperiments, isRunning } from './experiment.ts';
export { parseExperiments } from './parse-experiments.ts';
export { assignArms, drawShadows, settingsOfArms } from './assign-arms.ts';
export type { Arms, DrawnShadow } from './assign-arms.ts';
