import type { LoggedEvent } from '@facet/event-log';
import { makeEvent, noon } from '@facet/testing';

/** Returns the events of a source at the offsets `from` to `to` - 1. Each event id contains the source and the offset. */
export function eventsAt(source: string, from: number, to: number): LoggedEvent[] {
  return Array.from({ length: to - from }, (_, index) => {
    const offset = from + index;
    return { offset, event: makeEvent({ eventId: `${source}@${offset}`, occurredAt: noon + offset }) };
  });
}
