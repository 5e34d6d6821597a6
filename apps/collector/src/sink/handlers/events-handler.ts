import { sourceName } from '@facet/lake';
import type { LoggedEvent } from '@facet/event-log';
import type { HandlerDeps } from './handler-deps.ts';
import { readEvents } from './read-events.ts';
import type { EventRules } from './read-events.ts';
import type { TopicHandler } from './topic-handler.ts';

/** Messages parsed in one go, while Redis applies those before: short enough that answers of Redis do not wait for long. */
const messagesPerPart = 2_048;
/** Ages observed of a part: its events are so close in time that more would say the same. */
const agesPerPart = 10;

/** Events go into the buffer of the lake, and at once into the profiles. */
export function createEventsHandler(deps: HandlerDeps, rules: EventRules): TopicHandler {
  const { lake, profiles, deadLetters, metrics, now } = deps;
  const observeAges = (events: readonly LoggedEvent[]): void => {
    const step = Math.ceil(events.length / agesPerPart);
    for (let index = 0; index < events.length; index += step) {
      metrics.observeAge((now() - events[index]!.event.receivedAt) / 1000);
    }
  };
  return {
    keeper: 'lake',
    async take(position, messages, next, signal) {
      for (let start = 0; start < messages.length; start += messagesPerPart) {
        const part = messages.slice(start, start + messagesPerPart);
        const { events, changes, refused, lateByDays } = readEvents(part, rules);
        await deadLetters.put(position, refused, signal);
        await profiles.apply(changes, signal, () => observeAges(events));
        lake.add(sourceName(position), events, Number(part.at(-1)!.offset) + 1);
        metrics.countEvents(events.length);
        for (const [days, count] of lateByDays) metrics.countLate(days, count);
      }
      lake.add(sourceName(position), [], next);
    },
  };
}
