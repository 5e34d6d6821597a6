import type { Experiment } from '../experiments/experiment.ts';
import type { JoinCounts, JoinedExperiment, ShadowTally } from './join-outcomes.ts';
import { compareRatios, estimateRatio, testSampleRatio } from './statistics.ts';
import type { RatioDifference, RatioEstimate, SampleRatio } from './statistics.ts';
import type { JoinedUnits } from './unit-table.ts';

/** A metric of an arm, and its difference from the control. */
export interface ArmFigure {
  /** Absent if the denominator is 0. */
  readonly estimate?: RatioEstimate | undefined;
  /** Absent for the control. */
  readonly difference?: RatioDifference | undefined;
}

/** The metrics of one outcome in an arm. */
export interface ArmOutcome {
  readonly outcome: string;
  /** Share of exposures with the outcome. */
  readonly ofExposures: ArmFigure;
  /** The same share per user, averaged over users, so that every user has the same weight. */
  readonly perUser: ArmFigure;
  /** Share of users with the outcome. */
  readonly ofUsers: ArmFigure;
  /** By the interest of the item; null for none. */
  readonly interests: readonly ArmInterest[];
}

interface ArmInterest {
  /** The number of the interest, from 1. */
  readonly interest: number | null;
  readonly itemsShown: number;
  /** Items with the outcome. */
  readonly itemsChosen: number;
  /** Share of shown items with the outcome. */
  readonly ofItems: ArmFigure;
  /** Share of the items with the outcome that this interest found. */
  readonly shareOfChosen?: number;
}

export interface ArmReport {
  readonly arm: string;
  readonly users: number;
  readonly exposures: number;
  readonly items: number;
  /** Share of exposures without interests. */
  readonly fallbacks: ArmFigure;
  /** In the requested order. */
  readonly outcomes: readonly ArmOutcome[];
}

export interface ExperimentReport {
  readonly experiment: string;
  /** Absent without users, and for experiments with only shadow arms. */
  readonly sampleRatio?: SampleRatio;
  /** The control first. */
  readonly arms: readonly ArmReport[];
  readonly shadow: readonly ShadowTally[];
  readonly counts: JoinCounts;
}

/** Computes the metrics of an experiment. Users seen in several arms appear only in the counts. */
export function reportExperiment(
  { name, arms }: Pick<Experiment, 'name' | 'arms'>,
  { units, counts, shadow }: JoinedExperiment,
  outcomes: readonly string[],
): ExperimentReport {
  const members = arms.map((_, arm) => Int32Array.from(unitsOf(units.arms, arm)));
  const derived = deriveColumns(units);
  const sampleRatio = testSampleRatio(
    members.map(({ length }) => length),
    arms.map(({ weight }) => weight),
  );
  const figure = (arm: number, numerators: Float64Array, denominators: Float64Array): ArmFigure => {
    const [estimate, control] = [arm, 0].map((index) => estimateRatio(numerators, denominators, members[index]!));
    const difference = arm === 0 ? undefined : compareRatios(estimate, control);
    return { estimate, difference };
  };
  const outcomeOf = (arm: number, outcome: number): ArmOutcome => ({
    outcome: outcomes[outcome]!,
    ofExposures: figure(arm, units.exposuresWith[outcome]!, units.exposures),
    perUser: figure(arm, derived.shares[outcome]!, derived.ones),
    ofUsers: figure(arm, derived.has[outcome]!, derived.ones),
    interests: interestsOf(arm, outcome),
  });
  const interestsOf = (arm: number, outcome: number): ArmInterest[] => {
    const chosen = units.chosen[outcome]!;
    const all = chosen.reduce((sum, column) => sum + total(column, members[arm]!), 0);
    return units.shown.flatMap((shown, slot) => {
      const itemsShown = total(shown, members[arm]!);
      if (itemsShown === 0) return [];
      const itemsChosen = total(chosen[slot]!, members[arm]!);
      return {
        interest: slot === 0 ? null : slot,
        itemsShown,
        itemsChosen,
        ofItems: figure(arm, chosen[slot]!, shown),
        shareOfChosen: all === 0 ? undefined : itemsChosen / all,
      };
    });
  };
  return {
    experiment: name,
    sampleRatio,
    arms: arms.map(({ name: armName }, arm) => ({
      arm: armName,
      users: members[arm]!.length,
      exposures: total(units.exposures, members[arm]!),
      items: total(units.items, members[arm]!),
      fallbacks: figure(arm, units.fallbacks, units.exposures),
      outcomes: outcomes.map((_, outcome) => outcomeOf(arm, outcome)),
    })),
    shadow,
    counts,
  };
}

/**
 * Returns the columns of per-user metrics: a 1 per user, and by outcome the share of the user's exposures and whether
 * there is one.
 */
function deriveColumns({ exposures, exposuresWith }: JoinedUnits) {
  return {
    ones: new Float64Array(exposures.length).fill(1),
    shares: exposuresWith.map((column) => column.map((count, unit) => count / exposures[unit]!)),
    has: exposuresWith.map((column) => column.map((count) => Math.min(1, count))),
  };
}

function unitsOf(arms: Int32Array, arm: number): number[] {
  return Array.from(arms.keys()).filter((unit) => arms[unit] === arm);
}

function total(column: Float64Array, units: Int32Array): number {
  return units.reduce((sum, unit) => sum + column[unit]!, 0);
}
