import { dayMs } from '@facet/platform';
import type { Event } from '@facet/schemas';
import { makeEvent, noon } from '@facet/testing';

/** Returns events over three days, received in order, one per second. Every seventh is anonymous. */
export function eventsOfThreeDays(count: number): Event[] {
  return Array.from({ length: count }, (_, index) =>
    makeEvent({
      eventId: `e${index}`,
      userId: index % 7 === 0 ? (undefined as never) : `u${index % 10}`,
      sessionId: `s${index % 10}`,
      ...(index % 50 === 1 ? { type: 'identify', itemId: undefined as never } : {}),
      occurredAt: noon + ((index * 7919) % 3) * dayMs + index,
      receivedAt: noon + index * 1000,
    } satisfies Partial<Event>),
  );
}
