import { sourceName } from '@facet/lake';
import { parseLoggedIntake } from '@facet/schemas';
import { readMessages } from './topic-handler.ts';
import type { HandlerDeps, TopicHandler } from './topic-handler.ts';

/** Writes the counts of the ingest to the transaction log of the lake, from which data health reports read them. */
export function createIntakeHandler({ lake, deadLetters }: HandlerDeps): TopicHandler {
  return {
    offsetOwner: 'lake',
    async process(position, messages, next, signal) {
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
