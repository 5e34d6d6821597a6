import type { Event } from '@facet/schemas';

export const noon = Date.UTC(2024, 0, 15, 12);

/** Returns an event with defaults for the fields that a test does not set. */
export function makeEvent(fields: Partial<Event> = {}): Event {
  return {
    eventId: 'event-1',
    type: 'purchase',
    userId: 'user-1',
    itemId: 'item-1',
    occurredAt: noon,
    receivedAt: noon + 1000,
    ...fields,
  };
}
