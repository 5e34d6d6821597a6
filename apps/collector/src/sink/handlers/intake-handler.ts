import { sourceName } from '@facet/lake';
import { parseLoggedIntake } from '@facet/schemas';
import type { HandlerDeps } from './handler-deps.ts';
import { readMessages } from './read-messages.ts';
import type { TopicHandler } from './topic-handler.ts';

/** What ingest counted goes into the lake's log, where reports of data health find it. */
export function createIntakeHandler({ lake, deadLetters }: HandlerDeps): TopicHandler {
  return {
    keeper: 'lake',
    async take(position, messages, next, signal) {
      const refused = readMessages(
        messages,
        ({ value }) => parseLoggedIntake(value),
        ({ counts }) => lake.addIntake(counts),
      );
      await deadLetters.put(position, refused, signal);
      lake.add(sourceName(position), [], next);
    },
  };
}
