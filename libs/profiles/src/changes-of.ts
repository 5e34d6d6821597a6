import type { Event } from '@facet/schemas';
import type { PositiveRule } from '@facet/features';
import type { ProfileChange } from './profile-store.ts';

/** What an event changes in profiles; nothing when it is no positive. The one place that knows. */
export function changesOf(event: Event, isPositive: PositiveRule): ProfileChange[] {
  const { eventId, type, userId, sessionId, itemId, occurredAt, receivedAt, value } = event;
  if (type === 'identify') {
    if (userId === undefined || sessionId === undefined) return [];
    return [{ kind: 'identify', userId, sessionId, occurredAt, receivedAt }];
  }
  if (itemId === undefined || !isPositive(event)) return [];
  const positive = { eventId, type, itemId, occurredAt, ...(value === undefined ? {} : { value }) };
  if (userId !== undefined) return [{ kind: 'event', userId, receivedAt, event: positive }];
  return sessionId === undefined ? [] : [{ kind: 'event', sessionId, receivedAt, event: positive }];
}
