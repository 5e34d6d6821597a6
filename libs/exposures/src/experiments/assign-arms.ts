import { hash } from 'node:crypto';
import { isRunning } from './experiment.ts';
import type { Arm, Experiment, ShadowArm } from './experiment.ts';
import type { ArmSettings } from './experiments-settings.ts';

/** The arm of each experiment that a unit takes part in, by the name of the experiment. */
export type Arms = Readonly<Record<string, string>>;

/**
 * Which arms a unit is in at a moment. It follows from the salt of the experiment and the id alone, so it is the same in every
 * process and at every time; experiments of other salts are independent of each other. A larger `share` keeps everybody who
 * took part before in the same arm. Other weights, or another order of the arms, move some.
 *
 * @param unitId who is randomized, the user; without an id there is no arm.
 * @param now epoch milliseconds.
 */
export function assignArms(experiments: readonly Experiment[], unitId: string | undefined, now: number): Arms {
  const arms: Record<string, string> = {};
  if (unitId === undefined) return arms;
  for (const experiment of experiments) {
    if (experiment.arms.length === 0 || !isRunning(experiment, now)) continue;
    const [ofShare, ofArm] = uniformsOf(experiment.salt, unitId);
    if (ofShare < experiment.share) arms[experiment.name] = armAt(experiment.arms, ofArm).name;
  }
  return arms;
}

/** What the arms of a unit set, together; empty without any. */
export function settingsOfArms(experiments: readonly Experiment[], arms: Arms): ArmSettings {
  const chosen = experiments.map(({ name, arms: declared }) => declared.find((arm) => arm.name === arms[name]));
  return Object.assign({}, ...chosen.map((arm) => arm?.settings)) as ArmSettings;
}

/** A shadow arm and its experiment. */
export interface DrawnShadow {
  readonly experiment: string;
  readonly arm: ShadowArm;
}

/** The shadow arms that are to be computed for an answer. It follows from the id of the answer. */
export function drawShadows(experiments: readonly Experiment[], recommendationId: string, now: number): DrawnShadow[] {
  return experiments
    .filter((experiment) => isRunning(experiment, now))
    .flatMap(({ name, salt, shadow }) =>
      shadow
        .filter((arm) => uniformOf(`${salt}\0${arm.name}`, recommendationId) < arm.share)
        .map((arm) => ({ experiment: name, arm })),
    );
}

/** The arm that holds the place, of 0 to 1, when the arms lie one after the other by their weights. */
function armAt(arms: readonly Arm[], place: number): Arm {
  const total = arms.reduce((sum, { weight }) => sum + weight, 0);
  let end = 0;
  for (const arm of arms) {
    end += arm.weight / total;
    if (place < end) return arm;
  }
  // The sum of the shares may be a little below 1.
  return arms.at(-1)!;
}

/**
 * A number in [0, 1) that follows from a salt and an id: the first 48 bits of SHA-256. The same texts always give the same
 * number, on every machine; numbers of other salts are independent of it.
 */
export function uniformOf(salt: string, id: string): number {
  return uniformsOf(salt, id)[0];
}

/** Two such numbers, independent of each other. */
export function uniformsOf(salt: string, id: string): readonly [number, number] {
  const digest = hash('sha256', `${salt}\0${id}`, 'hex');
  return [fraction(digest.slice(0, 12)), fraction(digest.slice(12, 24))];
}

function fraction(hex: string): number {
  return Number.parseInt(hex, 16) / 2 ** 48;
}
