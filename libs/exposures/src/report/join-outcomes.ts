import type { Outcome } from '@facet/lake';
import { FingerprintSet } from '@facet/platform';
import { userHashOf } from '../log/exposure-record.ts';
import type { ExposureRecord } from '../log/exposure-record.ts';
import { createUnitTable } from './unit-table.ts';
import type { ChosenItems, JoinedUnits, UnitTable } from './unit-table.ts';

/** Result of joining an outcome that names a recommendation, in ascending precedence. */
const outcomeFates = ['elsewhere', 'otherItem', 'early', 'late', 'repeated', 'counted'] as const;

/**
 * `elsewhere`: the recommendation is not in the experiment. `otherItem`: the response does not contain the item.
 * `early`, `late`: before the response, or after the window. `repeated`: another outcome of that type on the item was
 * counted.
 */
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

export interface JoinCounts {
  /** Responses in the time range with an arm of the experiment. */
  readonly exposures: number;
  /** Later pages of these responses. */
  readonly pages: number;
  /** Later pages without a counted first page of the same id, user and arm. */
  readonly orphanPages: number;
  /** Skipped records: repeated, without a user, of an undeclared arm. */
  readonly repeated: number;
  readonly withoutUser: number;
  readonly unknownArm: number;
  /** Responses so recent that outcomes may still come. */
  readonly open: number;
  /** Users seen in more than one arm, and their responses. */
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

/** How the responses of a shadow arm overlap with what users saw and chose. */
export interface ShadowTally {
  readonly arm: string;
  /** Responses for which the arm was computed. */
  responses: number;
  /** Items of the shadow arm, and how many of them were shown. */
  items: number;
  shown: number;
  /** Items with any outcome, and how many of them the shadow arm contains. */
  chosen: number;
  chosenHeld: number;
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
