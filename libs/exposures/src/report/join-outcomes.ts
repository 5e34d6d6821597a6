import type { Outcome } from '@facet/lake';
import { FingerprintSet } from '@facet/platform';
import { userHashOf } from '../log/exposure-record.ts';
import type { ExposureRecord } from '../log/exposure-record.ts';
import { outcomeFates } from './report-schema.ts';
import type { JoinCounts, ShadowTally } from './report-schema.ts';

type OutcomeFate = (typeof outcomeFates)[number];

interface RecordedOutcome {
  readonly itemId: string;
  /** Index in the list of types. */
  readonly type: number;
  readonly occurredAt: number;
  /** Index in `outcomeFates`. */
  fate: number;
}

/** Outcomes by recommendationId. */
type RecordedOutcomes = ReadonlyMap<string, readonly RecordedOutcome[]>;

async function recordOutcomes(
  outcomes: AsyncIterable<readonly Outcome[]>,
  types: readonly string[],
): Promise<RecordedOutcomes> {
  const recorded = new Map<string, RecordedOutcome[]>();
  for await (const chunk of outcomes) {
    for (const { recommendationId, itemId, type, occurredAt } of chunk) {
      const outcome = { itemId, type: types.indexOf(type), occurredAt, fate: 0 };
      if (outcome.type < 0) continue;
      const others = recorded.get(recommendationId);
      if (others === undefined) recorded.set(recommendationId, [outcome]);
      else others.push(outcome);
    }
  }
  return recorded;
}

/** Counts the outcomes of each type by fate. */
function countFates(recorded: RecordedOutcomes, types: readonly string[]): Record<OutcomeFate, number>[] {
  const counts = types.map(
    () => Object.fromEntries(outcomeFates.map((fate) => [fate, 0])) as Record<OutcomeFate, number>,
  );
  for (const outcomes of recorded.values()) {
    for (const { type, fate } of outcomes) counts[type]![outcomeFates[fate]!]++;
  }
  return counts;
}

interface JoinOptions {
  readonly experiment: string;
  /** The control first. */
  readonly arms: readonly string[];
  /** Types of outcomes, such as click and purchase. */
  readonly outcomes: readonly string[];
  /** An outcome counts if it occurs within this time after the response. */
  readonly windowMs: number;
  /** Outcomes are known up to this time; epoch milliseconds. */
  readonly now: number;
}

export interface JoinedExperiment {
  readonly units: JoinedUnits;
  readonly counts: JoinCounts;
  /** How the responses of shadow arms overlap with what users saw and chose. */
  readonly shadow: ShadowTally[];
}

/**
 * Joins responses with outcomes by recommendation and item. Memory contains all outcomes and one row per user, but not
 * the records, so their number is unlimited.
 *
 * A response is a list: its first page, and later pages with the same id, user and arm. Other claims of a later page
 * are ignored, because its cursor comes from the caller.
 *
 * @param readExposures Reads the log from the start; called twice if there are later pages.
 */
export async function joinOutcomes(
  readExposures: () => AsyncIterable<readonly ExposureRecord[]>,
  outcomes: AsyncIterable<readonly Outcome[]>,
  options: JoinOptions,
): Promise<JoinedExperiment> {
  const recorded = await recordOutcomes(outcomes, options.outcomes);
  const table = createUnitTable(options.outcomes);
  const lists = new FingerprintSet();
  const first = await joinFirstPages(readExposures(), { recorded, table, lists }, options);
  const later = first.hasFurtherPages
    ? await joinFurtherPages(readExposures(), { recorded, table, lists }, options)
    : { pages: 0, orphanPages: 0, repeated: 0 };
  const units = table.units();
  const crossed = Array.from(units.arms.keys()).filter((unit) => units.arms[unit] === -1);
  const crossedExposures = crossed.reduce((sum, unit) => sum + units.exposures[unit]!, 0);
  return {
    units,
    counts: {
      ...first.counts,
      ...later,
      repeated: first.counts.repeated + later.repeated,
      crossedUsers: crossed.length,
      crossedExposures,
      outcomes: countFates(recorded, options.outcomes),
    },
    shadow: first.shadow,
  };
}

interface Joining {
  readonly recorded: RecordedOutcomes;
  readonly table: UnitTable;
  /** Lists whose first page counts, by `listKey`. */
  readonly lists: FingerprintSet;
}

async function joinFirstPages(
  exposures: AsyncIterable<readonly ExposureRecord[]>,
  { recorded, table, lists }: Joining,
  options: JoinOptions,
) {
  const seen = new FingerprintSet();
  const shadow = new Map<string, ShadowTally>();
  const counts = { exposures: 0, repeated: 0, withoutUser: 0, unknownArm: 0, open: 0 };
  let hasFurtherPages = false;
  for await (const records of exposures) {
    for (const record of records) {
      const arm = armOf(record, options);
      const hasShadow = record.shadow?.some(({ experiment }) => experiment === options.experiment) === true;
      if (arm === undefined && !hasShadow) continue;
      if (record.offset > 0) {
        hasFurtherPages = true;
        continue;
      }
      if (!seen.add(record.recommendationId)) {
        counts.repeated++;
        continue;
      }
      const own = recorded.get(record.recommendationId) ?? [];
      const chosen = chosenItems(record, own, options.windowMs);
      if (hasShadow) joinShadow(shadow, record, { experiment: options.experiment, chosen });
      if (arm === undefined) continue;
      counts.exposures++;
      const user = userHashOf(record);
      const armIndex = options.arms.indexOf(arm);
      if (armIndex < 0) counts.unknownArm++;
      else if (user === undefined) counts.withoutUser++;
      else {
        if (record.respondedAt + options.windowMs > options.now) counts.open++;
        const unit = table.addExposure(user, armIndex, record);
        table.addPage(unit, record, chosen);
        lists.add(listKey(record, user, arm));
      }
    }
  }
  return { counts, shadow: [...shadow.values()], hasFurtherPages };
}

async function joinFurtherPages(
  exposures: AsyncIterable<readonly ExposureRecord[]>,
  { recorded, table, lists }: Joining,
  options: JoinOptions,
) {
  const shown = new FingerprintSet();
  const counts = { pages: 0, orphanPages: 0, repeated: 0 };
  for await (const records of exposures) {
    for (const record of records) {
      const arm = armOf(record, options);
      if (arm === undefined || record.offset === 0) continue;
      const user = userHashOf(record) ?? '';
      const list = listKey(record, user, arm);
      if (!lists.has(list)) {
        counts.orphanPages++;
        continue;
      }
      counts.pages++;
      // A page may be requested again, also with another size.
      const added = record.items.flatMap((itemId, index) => (shown.add(`${list} ${itemId}`) ? index : []));
      if (added.length === 0) {
        counts.repeated++;
        continue;
      }
      const page = {
        ...record,
        items: added.map((index) => record.items[index]!),
        interests: added.map((index) => record.interests[index] ?? null),
      };
      const own = recorded.get(record.recommendationId) ?? [];
      table.addPage(table.unitOf(user), page, chosenItems(page, own, options.windowMs));
    }
  }
  return counts;
}

function armOf({ arms }: ExposureRecord, { experiment }: JoinOptions): string | undefined {
  return Object.hasOwn(arms, experiment) ? arms[experiment] : undefined;
}

function listKey({ recommendationId }: ExposureRecord, userHash: string, arm: string): string {
  return `${recommendationId} ${userHash} ${arm}`;
}

const fateOf = (fate: OutcomeFate): number => outcomeFates.indexOf(fate);

function chosenItems(record: ExposureRecord, own: readonly RecordedOutcome[], windowMs: number): ChosenItems {
  const chosen = new Map<number, Set<number>>();
  for (const outcome of own) {
    const item = record.items.indexOf(outcome.itemId);
    const age = outcome.occurredAt - record.respondedAt;
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

/**
 * Adds a record to the tallies of its shadow arms.
 *
 * @param context.chosen By outcome, the positions of the items that had it.
 */
function joinShadow(
  tallies: Map<string, ShadowTally>,
  { items, shadow = [] }: ExposureRecord,
  context: { readonly experiment: string; readonly chosen: ReadonlyMap<number, ReadonlySet<number>> },
): void {
  const shown = new Set(items);
  const chosen = new Set([...context.chosen.values()].flatMap((indices) => [...indices]));
  for (const { experiment, arm, items: others } of shadow) {
    if (experiment !== context.experiment) continue;
    const tally = tallies.get(arm) ?? { arm, responses: 0, items: 0, shown: 0, chosen: 0, chosenHeld: 0 };
    const held = new Set(others);
    tally.responses++;
    tally.items += others.length;
    tally.shown += others.filter((item) => shown.has(item)).length;
    tally.chosen += chosen.size;
    tally.chosenHeld += [...chosen].filter((index) => held.has(items[index]!)).length;
    tallies.set(arm, tally);
  }
}

/** Counts per user of an experiment. */
export interface JoinedUnits {
  /** [U] index of the arm; -1 for a user seen in several arms. */
  readonly arms: Int32Array;
  /** [U] responses. */
  readonly exposures: Float64Array;
  readonly items: Float64Array;
  /** [U] responses without interests. */
  readonly fallbacks: Float64Array;
  /** By outcome, [U]: exposures with at least one. */
  readonly exposuresWith: readonly Float64Array[];
  /** By interest, [U]: items shown. Index 0 stands for no interest, index k + 1 for interest k. */
  readonly shown: readonly Float64Array[];
  /** By outcome and interest, [U]: items with at least one. */
  readonly chosen: readonly (readonly Float64Array[])[];
}

/** By outcome, the positions of a page's items that had it in time. */
type ChosenItems = ReadonlyMap<number, ReadonlySet<number>>;

type UnitTable = ReturnType<typeof createUnitTable>;

/**
 * Creates a table that counts responses and their pages per user.
 *
 * @param outcomes Types of outcomes.
 */
function createUnitTable(outcomes: readonly string[]) {
  const numbers = new Map<string, number>();
  const arms: number[] = [];
  /** All columns. Each has one count per user. */
  const columns: number[][] = [];
  const createColumn = (): number[] => {
    const column = arms.map(() => 0);
    columns.push(column);
    return column;
  };
  /** Returns the column at a position, creating the columns up to it. */
  const columnAt = (some: number[][], index: number): number[] => {
    while (some.length <= index) some.push(createColumn());
    return some[index]!;
  };
  const exposures = createColumn();
  const items = createColumn();
  const fallbacks = createColumn();
  const exposuresWith = outcomes.map(() => createColumn());
  /** `<outcome> <recommendationId>` of responses with the outcome on any page. */
  const counted = new FingerprintSet();
  const shown: number[][] = [];
  const chosenOf: number[][][] = outcomes.map(() => []);
  return {
    /** Returns the row of a known user. */
    unitOf: (userHash: string): number => numbers.get(userHash)!,
    /** Counts a response and returns the row of its user. */
    addExposure(userHash: string, arm: number, { source }: ExposureRecord): number {
      const unit = numbers.get(userHash) ?? numbers.size;
      if (unit === numbers.size) {
        numbers.set(userHash, unit);
        arms.push(arm);
        for (const column of columns) column.push(0);
      } else if (arms[unit] !== arm) arms[unit] = -1;
      exposures[unit]!++;
      if (source.kind !== 'model') fallbacks[unit]!++;
      return unit;
    },
    addPage(unit: number, page: ExposureRecord, chosen: ChosenItems): void {
      items[unit]! += page.items.length;
      const slotOf = (item: number): number => (page.interests[item] ?? -1) + 1;
      page.items.forEach((_, item) => columnAt(shown, slotOf(item))[unit]!++);
      for (const [outcome, indices] of chosen) {
        if (counted.add(`${outcome} ${page.recommendationId}`)) exposuresWith[outcome]![unit]!++;
        for (const item of indices) columnAt(chosenOf[outcome]!, slotOf(item))[unit]!++;
      }
    },
    units(): JoinedUnits {
      const values = (column: readonly number[]): Float64Array => Float64Array.from(column);
      return {
        arms: Int32Array.from(arms),
        exposures: values(exposures),
        items: values(items),
        fallbacks: values(fallbacks),
        exposuresWith: exposuresWith.map(values),
        shown: shown.map(values),
        chosen: chosenOf.map((ofOutcome) => shown.map((_, slot) => values(columnAt(ofOutcome, slot)))),
      };
    },
  };
}
