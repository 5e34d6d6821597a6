import type { ArmSettings } from './experiments-settings.ts';

/** What users see for as long as the experiment runs. */
export interface Arm {
  readonly name: string;
  /** In proportion to the sum of all. */
  readonly weight: number;
  readonly settings: ArmSettings;
}

/** What nobody sees. */
export interface ShadowArm {
  readonly name: string;
  /** Of the answers: for which it is computed. */
  readonly share: number;
  readonly settings: ArmSettings;
}

/** A declared experiment. It runs while `from <= now < before`, in epoch milliseconds. */
export interface Experiment {
  readonly name: string;
  readonly from: number;
  readonly before: number;
  /** Of the units: which take part. */
  readonly share: number;
  readonly salt: string;
  /** The control first; none in an experiment that only has shadow arms. */
  readonly arms: readonly Arm[];
  readonly shadow: readonly ShadowArm[];
}

/**
 * The bundles that arms and shadow arms name, of experiments that are not over by a moment (epoch milliseconds): they are, or will
 * be, answered from.
 */
export function bundlesOfExperiments(experiments: readonly Experiment[], moment: number): string[] {
  const declared = experiments.filter(({ before }) => moment < before);
  const named = declared
    .flatMap(({ arms, shadow }) => [...arms, ...shadow])
    .flatMap(({ settings }) => settings.bundle ?? []);
  return [...new Set(named)];
}

export function isRunning({ from, before }: Pick<Experiment, 'from' | 'before'>, now: number): boolean {
  return from <= now && now < before;
}
