import { parseLoggedEvent } from '@facet/schemas';
import type { LoggedEvent } from '@facet/event-log';
import type { PositiveRule } from '@facet/features';
import { changesOf } from '@facet/profiles';
import type { ProfileChange } from '@facet/profiles';
import type { LogMessage } from '../log-message.ts';
import type { RefusedMessage } from '../dead-letters.ts';
import { readMessages } from './read-messages.ts';

export interface EventRules {
  /** Event types that `facet.yaml` declares. */
  readonly types: readonly string[];
  readonly isPositive: PositiveRule;
}

/** What messages of the event topic hold. */
export interface EventsRead {
  readonly events: readonly LoggedEvent[];
  readonly changes: readonly ProfileChange[];
  readonly refused: readonly RefusedMessage[];
  /** Events by how many days they came after their own; those of the same day are not there. */
  readonly lateByDays: ReadonlyMap<number, number>;
}

const dayMs = 24 * 60 * 60 * 1000;

export function readEvents(messages: readonly LogMessage[], { types, isPositive }: EventRules): EventsRead {
  const events: LoggedEvent[] = [];
  const changes: ProfileChange[] = [];
  const lateByDays = new Map<number, number>();
  const refused = readMessages(
    messages,
    ({ value, timestamp }) => parseLoggedEvent(value, Number(timestamp), types),
    ({ event }, { offset }) => {
      events.push({ offset: Number(offset), event });
      for (const change of changesOf(event, isPositive)) changes.push(change);
      const days = Math.floor(event.receivedAt / dayMs) - Math.floor(event.occurredAt / dayMs);
      if (days > 0) lateByDays.set(days, (lateByDays.get(days) ?? 0) + 1);
    },
  );
  return { events, changes, refused, lateByDays };
}
