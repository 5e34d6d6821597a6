import { hash } from 'node:crypto';

/** What makes an event without an id the event that it is. */
export interface EventContent {
  readonly userId: string;
  readonly itemId: string;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
  readonly value?: number | undefined;
}

/**
 * The id of an event that came without one: 132 bits of SHA-256 over user, item, type, time and value. So the same row is
 * the same event whenever and from wherever it is imported, importing a file twice adds nothing, and rows that agree in all
 * five are **one** event, even when other columns (an invoice number, say) differ. A file in which they are several must
 * carry an `event_id`.
 */
export function contentEventId(content: EventContent): string {
  const { userId, itemId, type, occurredAt, value } = content;
  // JSON keeps the parts apart whatever characters the ids hold.
  const text = JSON.stringify([userId, itemId, type, occurredAt, value ?? null]);
  return hash('sha256', text, 'base64url').slice(0, 22);
}
