import { FingerprintSet } from '@facet/events';
import type { Outcome } from '@facet/events';
import type { ExposureRecord } from '../log/exposure-record.ts';
import { countFates, outcomeFates, recordOutcomes } from './recorded-outcomes.ts';
import type { OutcomeFate, RecordedOutcome } from './recorded-outcomes.ts';
import { joinShadow } from './shadow.ts';
import type { ShadowTally } from './shadow.ts';
import { createColumn } from './unit-columns.ts';
import type { Column } from './unit-columns.ts';

export interface JoinOptions {
  readonly experiment: string;
  /** The control first. */
  readonly arms: readonly string[];
  /** The types of outcomes, such as click and purchase. */
  readonly outcomes: readonly string[];
  /** An outcome counts from the answer on, for so long. */
  readonly windowMs: number;
  /** The moment up to which outcomes can be known; epoch milliseconds. */
  readonly now: number;
}

/** What is known of the users of an experiment: a row a user. */
export interface JoinedUnits {
  /** [U] place of the arm in the options; -1 for a user who was seen in several. */
  readonly arms: Int32Array;
  /** [U] */
  readonly exposures: Float64Array;
  readonly items: Float64Array;
  /** [U] exposures that no interest answered. */
  readonly fallbacks: Float64Array;
  /** By outcome, [U]: exposures with at least one. */
  readonly exposuresWith: readonly Float64Array[];
  /** By interest, [U]: items shown. The first is that of items that no interest found, the next that of interest 0. */
  readonly shown: readonly Float64Array[];
  /** By outcome and interest, [U]: items with at least one. */
  readonly chosen: readonly (readonly Float64Array[])[];
}

export interface JoinCounts {
  /** Records of the window that have an arm of the experiment. */
  readonly exposures: number;
  /** Records left out: of a page that was there before, without a user, of an arm that is not declared. */
  readonly repeated: number;
  readonly withoutUser: number;
  readonly unknownArm: number;
  /** Records so young that outcomes may still come. */
  readonly open: number;
  /** Users seen in more than one arm, and their records. */
  readonly crossedUsers: number;
  readonly crossedExposures: number;
  /** By outcome. */
  readonly outcomes: readonly Record<OutcomeFate, number>[];
}

export interface JoinedExperiment {
  readonly units: JoinedUnits;
  readonly counts: JoinCounts;
  readonly shadow: readonly ShadowTally[];
}

/**
 * Joins answers with what users did with them, by recommendation and item. Outcomes are held in memory, and of answers a row for
 * each user: records may be as many as there are.
 */
export async function joinOutcomes(
  exposures: AsyncIterable<readonly ExposureRecord[]>,
  outcomes: AsyncIterable<readonly Outcome[]>,
  options: JoinOptions,
): Promise<JoinedExperiment> {
  const recorded = await recordOutcomes(outcomes, options.outcomes);
  const seen = new FingerprintSet();
  const table = createUnitTable(options);
  const shadow = new Map<string, ShadowTally>();
  const counts = { exposures: 0, repeated: 0, withoutUser: 0, unknownArm: 0, open: 0 };
  for await (const records of exposures) {
    for (const record of records) {
      const arm = Object.hasOwn(record.arms, options.experiment) ? record.arms[options.experiment] : undefined;
      const hasShadow = record.shadow?.some(({ experiment }) => experiment === options.experiment) === true;
      if (arm === undefined && !hasShadow) continue;
      // Pages of one sequence may have one id.
      if (!seen.add(`${record.recommendationId} ${record.offset}`)) {
        counts.repeated++;
        continue;
      }
      const own = recorded.get(record.recommendationId) ?? [];
      const chosen = chosenItems(record, own, options.windowMs);
      if (hasShadow) joinShadow(shadow, record, { experiment: options.experiment, chosen });
      if (arm === undefined) continue;
      counts.exposures++;
      const place = options.arms.indexOf(arm);
      if (place < 0) counts.unknownArm++;
      else if (record.userId === undefined) counts.withoutUser++;
      else {
        if (record.answeredAt + options.windowMs > options.now) counts.open++;
        table.add(record, { arm: place, chosen });
      }
    }
  }
  const units = table.units();
  const crossed = Array.from(units.arms.keys()).filter((unit) => units.arms[unit] === -1);
  const crossedExposures = crossed.reduce((sum, unit) => sum + units.exposures[unit]!, 0);
  return {
    units,
    counts: {
      ...counts,
      crossedUsers: crossed.length,
      crossedExposures,
      outcomes: countFates(recorded, options.outcomes),
    },
    shadow: [...shadow.values()],
  };
}

/** By outcome, the places of the items of an answer that had one in time. */
type ChosenItems = ReadonlyMap<number, ReadonlySet<number>>;

const fateOf = (fate: OutcomeFate): number => outcomeFates.indexOf(fate);

function chosenItems(record: ExposureRecord, own: readonly RecordedOutcome[], windowMs: number): ChosenItems {
  const chosen = new Map<number, Set<number>>();
  for (const outcome of own) {
    const item = record.items.indexOf(outcome.itemId);
    const age = outcome.occurredAt - record.answeredAt;
    let fate: OutcomeFate = 'counted';
    if (item < 0) fate = 'otherItem';
    else if (age < 0) fate = 'early';
    else if (age >= windowMs) fate = 'late';
    else {
      const items = chosen.get(outcome.type) ?? new Set();
      if (items.has(item)) fate = 'repeated';
      chosen.set(outcome.type, items.add(item));
    }
    outcome.fate = Math.max(outcome.fate, fateOf(fate));
  }
  return chosen;
}

function createUnitTable({ outcomes }: JoinOptions) {
  const numbers = new Map<string, number>();
  const arms: number[] = [];
  const exposures = createColumn();
  const items = createColumn();
  const fallbacks = createColumn();
  const exposuresWith = outcomes.map(() => createColumn());
  const shown: Column[] = [];
  const chosenOf: Column[][] = outcomes.map(() => []);
  return {
    add(record: ExposureRecord, { arm, chosen }: { readonly arm: number; readonly chosen: ChosenItems }): void {
      const unit = numbers.get(record.userId!) ?? numbers.size;
      if (unit === numbers.size) {
        numbers.set(record.userId!, unit);
        arms.push(arm);
      } else if (arms[unit] !== arm) arms[unit] = -1;
      exposures.add(unit, 1);
      items.add(unit, record.items.length);
      if (record.source.kind !== 'model') fallbacks.add(unit, 1);
      const slotOf = (item: number): number => (record.interests[item] ?? -1) + 1;
      record.items.forEach((_, item) => columnAt(shown, slotOf(item)).add(unit, 1));
      for (const [outcome, places] of chosen) {
        exposuresWith[outcome]!.add(unit, 1);
        for (const item of places) columnAt(chosenOf[outcome]!, slotOf(item)).add(unit, 1);
      }
    },
    units(): JoinedUnits {
      const values = (column: Column): Float64Array => column.values(arms.length);
      return {
        arms: Int32Array.from(arms),
        exposures: values(exposures),
        items: values(items),
        fallbacks: values(fallbacks),
        exposuresWith: exposuresWith.map(values),
        shown: shown.map(values),
        chosen: chosenOf.map((columns) => shown.map((_, slot) => values(columnAt(columns, slot)))),
      };
    },
  };
}

/** Columns come into being up to the one that is asked for. */
function columnAt(columns: Column[], place: number): Column {
  while (columns.length <= place) columns.push(createColumn());
  return columns[place]!;
}
