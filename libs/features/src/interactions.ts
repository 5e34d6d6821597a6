import { hashText } from './random.ts';
import type { PositiveRule } from './positive-rule.ts';

/** The fields of an event that {@link selectInteractions} reads. Times are epoch milliseconds. */
export interface InteractionEvent {
  readonly eventId: string;
  readonly type: string;
  readonly userId: string;
  readonly itemId: string;
  readonly occurredAt: number;
  readonly value?: number | null | undefined;
}

/** A cleaned positive event: the user, the item, and the time in epoch milliseconds. */
export interface Interaction {
  readonly userId: string;
  readonly itemId: string;
  readonly occurredAt: number;
}

export interface InteractionRules {
  readonly isPositive: PositiveRule;
  /** `keep`: repeated interactions with an item count. `first`: only a user's first interaction with an item counts. */
  readonly repeats: 'keep' | 'first';
  /** Seeds the order of interactions that share a user and a time. */
  readonly tieSeed: number;
}

export interface SelectedInteractions {
  /** Ordered by user id, then from oldest to newest. */
  readonly interactions: Interaction[];
  readonly dropped: { notPositive: number; duplicateEvent: number } & DroppedEvents;
}

/** The positive events of one user, in any order. */
export interface UserEvents {
  readonly count: number;
  itemIdAt(position: number): string;
  /** Epoch milliseconds. */
  timeAt(position: number): number;
}

/** Counters of positive events that are no interactions. */
export interface DroppedEvents {
  sameMoment: number;
  repeat: number;
}

/**
 * Selects interactions from events:
 * - only positive events count;
 * - an `eventId` counts once, and so does an item of a user at one moment (the rows of an invoice);
 * - `rules.repeats` decides about repeats;
 * - a user's interactions are ordered by time, and those of one moment by a seeded hash. The order of the file or of ids would
 *   leak into sequences and inflate scores, as on Amazon Beauty.
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
    const earlier = byUser.get(event.userId);
    const interaction = { userId: event.userId, itemId: event.itemId, occurredAt: event.occurredAt };
    if (earlier === undefined) byUser.set(event.userId, [interaction]);
    else earlier.push(interaction);
  }

  const interactions: Interaction[] = [];
  for (const userId of [...byUser.keys()].sort()) {
    const ofUser = byUser.get(userId)!;
    const columns: UserEvents = {
      count: ofUser.length,
      itemIdAt: (position) => ofUser[position]!.itemId,
      timeAt: (position) => ofUser[position]!.occurredAt,
    };
    for (const position of orderInteractions(userId, columns, rules, dropped)) interactions.push(ofUser[position]!);
  }
  return { interactions, dropped };
}

/**
 * Returns the positions of a user's events that are interactions, oldest to newest, by the rules of {@link selectInteractions}. Adds
 * the others to `dropped`.
 */
export function orderInteractions(
  userId: string,
  events: UserEvents,
  rules: Pick<InteractionRules, 'repeats' | 'tieSeed'>,
  dropped: DroppedEvents,
): number[] {
  const ordered = Array.from({ length: events.count }, (_, position) => position);
  orderByTime(userId, ordered, events, rules.tieSeed);
  const seen = new Set<string>();
  return ordered.filter((position, index) => {
    const itemId = events.itemIdAt(position);
    // Equal items of one moment are adjacent.
    const before = index === 0 ? undefined : ordered[index - 1]!;
    if (before !== undefined && events.timeAt(before) === events.timeAt(position)) {
      if (events.itemIdAt(before) === itemId) {
        dropped.sameMoment++;
        return false;
      }
    }
    if (rules.repeats === 'keep') return true;
    if (seen.has(itemId)) {
      dropped.repeat++;
      return false;
    }
    seen.add(itemId);
    return true;
  });
}

/** Sorts positions by time, and within a moment by the hash of their items. */
function orderByTime(userId: string, positions: number[], { itemIdAt, timeAt }: UserEvents, tieSeed: number): void {
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
      tied.forEach(({ position }, index) => (positions[start + index] = position));
    }
    start = end;
  }
}

/** Compares item ids, for items of one moment with equal hashes. */
function compareIds(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
