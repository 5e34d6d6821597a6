import { hashText } from './random.ts';
import type { PositiveRule } from './positive-rule.ts';

/** What {@link selectInteractions} needs of an event. Times are epoch milliseconds. */
export interface InteractionEvent {
  readonly eventId: string;
  readonly type: string;
  readonly userId: string;
  readonly itemId: string;
  readonly occurredAt: number;
  readonly value?: number | null | undefined;
}

/** A cleaned positive: this user chose this item at this time (epoch milliseconds). */
export interface Interaction {
  readonly userId: string;
  readonly itemId: string;
  readonly occurredAt: number;
}

export interface InteractionRules {
  readonly isPositive: PositiveRule;
  /** `keep`: every repeated choice of an item counts. `first`: only a user's first choice of it does. */
  readonly repeats: 'keep' | 'first';
  /** Seeds the order of interactions that share a user and a time. */
  readonly tieSeed: number;
}

export interface SelectedInteractions {
  /** Grouped by user (by id), each user's oldest to newest. */
  readonly interactions: Interaction[];
  readonly dropped: { notPositive: number; duplicateEvent: number } & DroppedChoices;
}

/** One user's positives, in any order. */
export interface UserChoices {
  readonly count: number;
  itemIdAt(position: number): string;
  /** Epoch milliseconds. */
  timeAt(position: number): number;
}

/** How many choices were no interactions. Counted on. */
export interface DroppedChoices {
  sameMoment: number;
  repeat: number;
}

/**
 * Events to interactions, by rules that are the same wherever they run:
 * - only positives;
 * - an `eventId` counts once, and so does one item chosen by one user at one moment (the rows of an invoice);
 * - repeats by `rules.repeats`;
 * - a user's interactions are ordered by time, and those of the same moment by a seeded hash, so that neither the order
 *   of the file nor the order of ids leaks into sequences (notes of the Beauty data: such an order inflates scores).
 */
export function selectInteractions(events: Iterable<InteractionEvent>, rules: InteractionRules): SelectedInteractions {
  const dropped = { notPositive: 0, duplicateEvent: 0, sameMoment: 0, repeat: 0 };
  const seenEvents = new Set<string>();
  const byUser = new Map<string, Interaction[]>();
  for (const event of events) {
    if (!rules.isPositive(event)) {
      dropped.notPositive++;
      continue;
    }
    if (seenEvents.has(event.eventId)) {
      dropped.duplicateEvent++;
      continue;
    }
    seenEvents.add(event.eventId);
    const choices = byUser.get(event.userId);
    const choice = { userId: event.userId, itemId: event.itemId, occurredAt: event.occurredAt };
    if (choices === undefined) byUser.set(event.userId, [choice]);
    else choices.push(choice);
  }

  const interactions: Interaction[] = [];
  for (const userId of [...byUser.keys()].sort()) {
    const choices = byUser.get(userId)!;
    const columns: UserChoices = {
      count: choices.length,
      itemIdAt: (position) => choices[position]!.itemId,
      timeAt: (position) => choices[position]!.occurredAt,
    };
    for (const position of orderChoices(userId, columns, rules, dropped)) interactions.push(choices[position]!);
  }
  return { interactions, dropped };
}

/**
 * The positions of a user's choices that are interactions, oldest to newest, by the rules of {@link selectInteractions}.
 * What is left out is added to `dropped`.
 */
export function orderChoices(
  userId: string,
  choices: UserChoices,
  rules: Pick<InteractionRules, 'repeats' | 'tieSeed'>,
  dropped: DroppedChoices,
): number[] {
  const ordered = Array.from({ length: choices.count }, (_, position) => position);
  orderByTime(userId, ordered, choices, rules.tieSeed);
  const chosen = new Set<string>();
  return ordered.filter((position, place) => {
    const itemId = choices.itemIdAt(position);
    // Equal items of one moment are next to each other.
    const before = place === 0 ? undefined : ordered[place - 1]!;
    if (before !== undefined && choices.timeAt(before) === choices.timeAt(position)) {
      if (choices.itemIdAt(before) === itemId) {
        dropped.sameMoment++;
        return false;
      }
    }
    if (rules.repeats === 'keep') return true;
    if (chosen.has(itemId)) {
      dropped.repeat++;
      return false;
    }
    chosen.add(itemId);
    return true;
  });
}

/** Sorts positions by time, those of one moment by the hash of their items. */
function orderByTime(userId: string, positions: number[], { itemIdAt, timeAt }: UserChoices, tieSeed: number): void {
  positions.sort((a, b) => timeAt(a) - timeAt(b));
  const userSeed = hashText(userId, tieSeed);
  for (let start = 0; start < positions.length;) {
    let end = start + 1;
    while (end < positions.length && timeAt(positions[end]!) === timeAt(positions[start]!)) end++;
    if (end - start > 1) {
      const tied = positions
        .slice(start, end)
        .map((position) => ({ position, itemId: itemIdAt(position), tie: hashText(itemIdAt(position), userSeed) }))
        .sort((a, b) => a.tie - b.tie || compareIds(a.itemId, b.itemId));
      tied.forEach(({ position }, place) => (positions[start + place] = position));
    }
    start = end;
  }
}

/** Orders by item id, for the rare two items of one moment whose hashes are equal. */
function compareIds(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
