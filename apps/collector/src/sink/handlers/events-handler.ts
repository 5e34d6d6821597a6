import { sourceName } from '@facet/lake';
import { parseLoggedEvent } from '@facet/schemas';
import type { LoggedEvent } from '@facet/event-log';
import type { PositiveRule } from '@facet/features';
import { dayMs } from '@facet/platform';
import { changesOf } from '@facet/profiles';
import type { ProfileChange } from '@facet/profiles';
import { readMessages } from './topic-handler.ts';
import type { HandlerDeps, TopicHandler } from './topic-handler.ts';

export interface EventRules {
  /** Event types that `facet.yaml` declares. */
  readonly types: readonly string[];
  readonly isPositive: PositiveRule;
}

/** Messages parsed at once, while Redis applies the previous ones. Larger parts would delay reading the replies of Redis. */
const messagesPerPart = 2_048;
/** Ages observed in a part. Its events are so close in time that more samples add nothing. */
const agesPerPart = 10;

/** Writes events to the buffer of the lake, and immediately to the profiles. */
export function createEventsHandler(deps: HandlerDeps, { types, isPositive }: EventRules): TopicHandler {
  const { lake, profiles, deadLetters, metrics, now } = deps;
  const observeAges = (events: readonly LoggedEvent[]): void => {
    const step = Math.ceil(events.length / agesPerPart);
    for (let index = 0; index < events.length; index += step) {
      metrics.observeAge((now() - events[index]!.event.receivedAt) / 1000);
    }
  };
  return {
    offsetOwner: 'lake',
    async process(position, messages, next, signal) {
      for (let start = 0; start < messages.length; start += messagesPerPart) {
        const part = messages.slice(start, start + messagesPerPart);
        const events: LoggedEvent[] = [];
        const changes: ProfileChange[] = [];
        const refused = readMessages(
          part,
          ({ value, timestamp }) => parseLoggedEvent(value, Number(timestamp), types),
          ({ event }, { offset }) => {
            events.push({ offset: Number(offset), event });
            for (const change of changesOf(event, isPositive)) changes.push(change);
          },
        );
        await deadLetters.put(position, refused, signal);
        await profiles.apply(changes, signal, () => observeAges(events));
        lake.add(sourceName(position), events, Number(part.at(-1)!.offset) + 1);
        metrics.countEvents(events.length);
        for (const [days, count] of countLate(events)) metrics.countLate(days, count);
      }
      lake.add(sourceName(position), [], next);
    },
  };
}

/** Counts events by the number of days between their own day and the day of receipt, except those of the same day. */
function countLate(events: readonly LoggedEvent[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { event } of events) {
    const days = Math.floor(event.receivedAt / dayMs) - Math.floor(event.occurredAt / dayMs);
    if (days > 0) counts.set(days, (counts.get(days) ?? 0) + 1);
  }
  return counts;
}
