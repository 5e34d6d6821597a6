import { sourceOf } from '../partition-position.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { readEvents } from './read-events.ts';
import type { EventRules } from './read-events.ts';
import type { TopicHandler } from './topic-handler.ts';

/** Ages observed of a batch: its events are so close in time that more would say the same. */
const agesPerBatch = 20;

/** Events go into the buffer of the lake, and at once into the profiles. */
export function createEventsHandler(deps: HandlerDeps, rules: EventRules): TopicHandler {
  const { lake, profiles, deadLetters, metrics, now } = deps;
  return {
    keeper: 'lake',
    async take(position, messages, next, signal) {
      const { events, changes, refused, lateByDays } = readEvents(messages, rules);
      await deadLetters.put(position, refused, signal);
      // Redis and this thread work at the same time.
      const applied = profiles.apply(changes, signal);
      applied.catch(() => undefined);
      lake.add(sourceOf(position), events, next);
      await applied;

      metrics.countEvents(events.length);
      for (const [days, count] of lateByDays) metrics.countLate(days, count);
      const step = Math.ceil(events.length / agesPerBatch);
      for (let index = 0; index < events.length; index += step) {
        metrics.observeAge((now() - events[index]!.event.receivedAt) / 1000);
      }
    },
  };
}
