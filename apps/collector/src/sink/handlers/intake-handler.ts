import { parseLoggedIntake, sourceName } from '@facet/events';
import type { RefusedMessage } from '../dead-letters.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { TopicHandler } from './topic-handler.ts';

/** What ingest counted goes into the lake's log, where reports of data health find it. */
export function createIntakeHandler({ lake, deadLetters }: HandlerDeps): TopicHandler {
  return {
    keeper: 'lake',
    async take(position, messages, next, signal) {
      const refused: RefusedMessage[] = [];
      for (const message of messages) {
        const parsed = parseLoggedIntake(message.value);
        if (parsed.ok) lake.addIntake(parsed.counts);
        else refused.push({ message, field: parsed.field, reason: parsed.reason });
      }
      await deadLetters.put(position, refused, signal);
      lake.add(sourceName(position), [], next);
    },
  };
}
