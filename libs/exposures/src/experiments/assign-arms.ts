import { hash } from 'node:crypto';
import { isRunning } from './experiment.ts';
import type { Arm, Experiment, ShadowArm } from './experiment.ts';
import type { ArmSettings } from './experiments-settings.ts';

/** The arm of a user in each experiment, by the name of the experiment. */
export type Arms = Readonly<Record<string, string>>;

/**
 * Returns the arms of a user at a time.
 *
 * The arm follows from the salt of the experiment and the user id, so it is equal in every process and at every time.
 * Experiments with different salts are independent. A larger `share` keeps earlier participants in their arms; other
 * weights or another order of the arms move some users.
 *
 * @param unitId The user id, which is the unit of randomization. Without an id there is no arm.
 * @param now Epoch milliseconds.
 */
export function assignArms(experiments: readonly Experiment[], unitId: string | undefined, now: number): Arms {
  const arms: Record<string, string> = {};
  if (unitId === undefined) return arms;
  for (const experiment of experiments) {
    if (experiment.arms.length === 0 || !isRunning(experiment, now)) continue;
    const [sharePoint, armPoint] = uniformsOf(experiment.salt, unitId);
    if (sharePoint < experiment.share) arms[experiment.name] = armAt(experiment.arms, armPoint).name;
  }
  return arms;
}

/** Returns the combined settings of a user's arms; empty without arms. */
export function settingsOfArms(experiments: readonly Experiment[], arms: Arms): ArmSettings {
  const chosen = experiments.map(({ name, arms: declared }) => declared.find((arm) => arm.name === arms[name]));
  return Object.assign({}, ...chosen.map((arm) => arm?.settings)) as ArmSettings;
}

/** A shadow arm and its experiment. */
export interface DrawnShadow {
  readonly experiment: string;
  readonly arm: ShadowArm;
}

/** Returns the shadow arms to compute for a response, drawn by its recommendationId. */
export function drawShadows(experiments: readonly Experiment[], recommendationId: string, now: number): DrawnShadow[] {
  return experiments
    .filter((experiment) => isRunning(experiment, now))
    .flatMap(({ name, salt, shadow }) =>
      shadow
        .filter((arm) => uniformOf(`${salt}\0${arm.name}`, recommendationId) < arm.share)
        .map((arm) => ({ experiment: name, arm })),
    );
}

/** Returns the arm at a point in [0, 1) when the arms are laid end to end by weight. */
function armAt(arms: readonly Arm[], point: number): Arm {
  const total = arms.reduce((sum, { weight }) => sum + weight, 0);
  let end = 0;
  for (const arm of arms) {
    end += arm.weight / total;
    if (point < end) return arm;
  }
  // Rounding can leave the sum of the shares slightly below 1.
  return arms.at(-1)!;
}

/**
 * Returns a number in [0, 1) made of the first 48 bits of the SHA-256 of a salt and an id. It is equal on every
 * machine, and independent for different salts.
 */
export function uniformOf(salt: string, id: string): number {
  return uniformsOf(salt, id)[0];
}

/** Returns two such numbers, independent of each other. */
function uniformsOf(salt: string, id: string): readonly [number, number] {
  const digest = hash('sha256', `${salt}\0${id}`, 'hex');
  return [fraction(digest.slice(0, 12)), fraction(digest.slice(12, 24))];
}

function fraction(hex: string): number {
  return Number.parseInt(hex, 16) / 2 ** 48;
}
