import type { ProfileChange } from '../src/index.ts';
import type { ProfileEvent } from '../src/profile/profile-store.ts';

/** Of today, because an erasure leaves no mark in Redis if it is older than `ttlDays`. */
export const noon = new Date().setUTCHours(12, 0, 0, 0);

/** Returns an interaction at `noon` plus some minutes, received one second later by default. */
export function chosen(
  who: { readonly userId: string } | { readonly sessionId: string },
  itemId: string,
  minute: number,
  fields: Partial<ProfileEvent> & { readonly receivedAt?: number } = {},
): ProfileChange {
  const { receivedAt, ...event } = fields;
  const occurredAt = noon + minute * 60_000;
  return {
    kind: 'event',
    ...who,
    receivedAt: receivedAt ?? occurredAt + 1_000,
    event: { eventId: `${itemId}-${minute}`, type: 'purchase', itemId, occurredAt, ...event },
  };
}

export function identified(userId: string, sessionId: string, minute: number, receivedAt?: number): ProfileChange {
  const occurredAt = noon + minute * 60_000;
  return { kind: 'identify', userId, sessionId, occurredAt, receivedAt: receivedAt ?? occurredAt + 1_000 };
}
