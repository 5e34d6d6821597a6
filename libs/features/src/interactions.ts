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
  readonly dropped: { notPositive: number; duplicateEvent: number; sameMoment: number; repeat: number };
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
    const interactions = byUser.get(event.userId);
    const interaction = { userId: event.userId, itemId: event.itemId, occurredAt: event.occurredAt };
    if (interactions === undefined) byUser.set(event.userId, [interaction]);
    else interactions.push(interaction);
  }

  const kept: Interaction[] = [];
  for (const userId of [...byUser.keys()].sort()) {
    const userSeed = hashText(userId, rules.tieSeed);
    const ordered = byUser
      .get(userId)!
      .map((interaction) => ({ interaction, tie: hashText(interaction.itemId, userSeed) }))
      .sort((a, b) => a.interaction.occurredAt - b.interaction.occurredAt || a.tie - b.tie || compareIds(a, b));
    const chosenAt = new Map<string, number>();
    for (const { interaction } of ordered) {
      const last = chosenAt.get(interaction.itemId);
      if (last === interaction.occurredAt) dropped.sameMoment++;
      else if (last !== undefined && rules.repeats === 'first') dropped.repeat++;
      else kept.push(interaction);
      chosenAt.set(interaction.itemId, interaction.occurredAt);
    }
  }
  return { interactions: kept, dropped };
}

/** Orders by item id, for the rare two items of one moment whose hashes are equal. */
function compareIds(
  { interaction: a }: { interaction: Interaction },
  { interaction: b }: { interaction: Interaction },
): number {
  if (a.itemId === b.itemId) return 0;
  return a.itemId < b.itemId ? -1 : 1;
}
