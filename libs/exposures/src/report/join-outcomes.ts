import { FingerprintSet } from '@facet/import';
import type { Outcome } from '@facet/lake';
import { userHashOf } from '../log/exposure-record.ts';
import type { ExposureRecord } from '../log/exposure-record.ts';
import { countFates, outcomeFates, recordOutcomes } from './recorded-outcomes.ts';
import type { OutcomeFate, RecordedOutcome, RecordedOutcomes } from './recorded-outcomes.ts';
import { createUnitTable } from './unit-table.ts';
import type { ChosenItems, JoinedUnits, UnitTable } from './unit-table.ts';

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

export interface JoinCounts {
  /** Answers of the window that have an arm of the experiment. */
  readonly exposures: number;
  /** Further pages of them. */
  readonly pages: number;
  /** Further pages left out: no answer that counts has their id, user and arm. */
  readonly orphanPages: number;
  /** Records left out: of what was there before, without a user, of an arm that is not declared. */
  readonly repeated: number;
  readonly withoutUser: number;
  readonly unknownArm: number;
  /** Answers so young that outcomes may still come. */
  readonly open: number;
  /** Users seen in more than one arm, and their answers. */
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
 *
 * An answer is a list: its first page, and further pages that name its id, user and arm. What else a further page may claim, whose
 * cursor its caller holds, is left out.
 *
 * @param readExposures reads the log from its beginning; called again when it has further pages.
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
  /** The lists whose first page counts, by `listKey`. */
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
      const place = options.arms.indexOf(arm);
      if (place < 0) counts.unknownArm++;
      else if (user === undefined) counts.withoutUser++;
      else {
        if (record.answeredAt + options.windowMs > options.now) counts.open++;
        const unit = table.addAnswer(user, place, record);
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
      // A page may be fetched again, also with another size.
      const places = record.items.flatMap((itemId, place) => (shown.add(`${list} ${itemId}`) ? place : []));
      if (places.length === 0) {
        counts.repeated++;
        continue;
      }
      const page = {
        ...record,
        items: places.map((place) => record.items[place]!),
        interests: places.map((place) => record.interests[place] ?? null),
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

/** What a shadow arm would have answered beside what was answered. */
export interface ShadowTally {
  readonly arm: string;
  /** For which it was computed. */
  answers: number;
  /** Of all its items: how many were shown. */
  items: number;
  shown: number;
  /** Items that users chose (any outcome), and those of them that the shadow arm also had. */
  chosen: number;
  chosenHeld: number;
}

/** @param context.chosen by outcome, the places of the items of the answer that had one. */
export function joinShadow(
  tallies: Map<string, ShadowTally>,
  { items, shadow = [] }: ExposureRecord,
  context: { readonly experiment: string; readonly chosen: ReadonlyMap<number, ReadonlySet<number>> },
): void {
  const shown = new Set(items);
  const chosen = new Set([...context.chosen.values()].flatMap((places) => [...places]));
  for (const { experiment, arm, items: others } of shadow) {
    if (experiment !== context.experiment) continue;
    const tally = tallies.get(arm) ?? { arm, answers: 0, items: 0, shown: 0, chosen: 0, chosenHeld: 0 };
    const held = new Set(others);
    tally.answers++;
    tally.items += others.length;
    tally.shown += others.filter((item) => shown.has(item)).length;
    tally.chosen += chosen.size;
    tally.chosenHeld += [...chosen].filter((place) => held.has(items[place]!)).length;
    tallies.set(arm, tally);
  }
}
