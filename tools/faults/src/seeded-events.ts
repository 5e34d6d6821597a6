import { mix } from '@facet/features';
import type { LakeEvent } from '@facet/lake';

/** An event derived from its number, so that the suite can check every field in the lake without a copy of the events. */
export type SeededEvent = Omit<LakeEvent, 'receivedAt'>;

const users = 4_000;
const items = 1_500;
const types = ['view', 'view', 'view', 'click', 'add_to_cart', 'purchase', 'rating'];
const idPattern = /^fault-(\d+)$/;

/** @param startedAt epoch milliseconds of the first event; later events follow one millisecond apart */
export function seededEvent(number: number, startedAt: number): SeededEvent {
  const mixed = mix(number);
  const type = types[mixed % types.length] as string;
  return {
    eventId: `fault-${number}`,
    type,
    userId: `user-${mix(mixed) % users}`,
    itemId: `item-${mix(mixed ^ 0x5bd1e995) % items}`,
    occurredAt: startedAt + number,
    ...(type === 'rating' ? { value: 1 + (mixed % 5) } : {}),
  };
}

/** Returns the number of a seeded event, or undefined for other ids. */
export function eventNumberOf(eventId: string): number | undefined {
  const match = idPattern.exec(eventId);
  return match === null ? undefined : Number(match[1]);
}
