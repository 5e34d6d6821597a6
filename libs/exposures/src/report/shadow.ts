import type { ExposureRecord } from '../log/exposure-record.ts';

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
