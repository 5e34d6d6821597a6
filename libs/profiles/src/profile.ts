import type { Attributes } from '@facet/schemas';

/** A positive event: something that a person chose. Times are epoch milliseconds. */
export interface ProfileEvent {
  readonly eventId: string;
  readonly type: string;
  readonly itemId: string;
  readonly occurredAt: number;
  readonly value?: number;
}

/** What is known of a person: the newest positives, oldest to newest, and the attributes. */
export interface UserProfile {
  readonly events: readonly ProfileEvent[];
  readonly attributes: Attributes;
}
