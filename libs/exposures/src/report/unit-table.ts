import { FingerprintSet } from '@facet/platform';
import type { ExposureRecord } from '../log/exposure-record.ts';

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
export type ChosenItems = ReadonlyMap<number, ReadonlySet<number>>;

export type UnitTable = ReturnType<typeof createUnitTable>;

/**
 * Creates a table that counts responses and their pages per user.
 *
 * @param outcomes Types of outcomes.
 */
export function createUnitTable(outcomes: readonly string[]) {
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
