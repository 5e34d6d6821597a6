import { keyOf, serializeEvent } from '@facet/schemas';
import type { Event } from '@facet/schemas';
import { parseLoggedEvent } from '@facet/schemas';
import { isPlainObject } from '@facet/schemas';
import type { Refusal } from '@facet/schemas';
import type { KafkaConnection } from './connect-kafka.ts';
import { payloadBytes, redrivenRecord } from './dead-letter.ts';
import type { DeadLetter } from './dead-letter.ts';
import { readDeadLetters } from './dead-letters.ts';
import type { Publisher } from './publisher.ts';
import type { TopicNames } from './topics.ts';

export interface RedriveOptions {
  readonly names: Pick<TopicNames, 'events' | 'deadLetters'>;
  /** Event types that are declared beside the standard ones. */
  readonly types?: readonly string[];
  /** Gives events without an eventId the id of their letter, which is as unique. */
  readonly addEventIds?: boolean;
  /** Which letters; all that were not redriven, when absent. */
  readonly isWanted?: (letter: DeadLetter) => boolean;
  /** Says what would happen; publishes nothing. */
  readonly isDryRun?: boolean;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** What became of a letter. */
export interface RedriveOutcome {
  readonly letter: DeadLetter;
  /** Why its message still cannot be used; absent when it is in the log again. */
  readonly failure?: { readonly field: string; readonly reason: string };
}

/** Of letters that are published together. */
const batchLettersMax = 200;

/**
 * Puts the messages of dead letters into the log again, those that are valid by now, at their original time. First the
 * messages, then the marks that they were redriven: a crash between the two has them published twice, under the same
 * eventId, which counts once. Letters of other topics than the events' stay: their item or user may have changed since.
 *
 * @throws AppError as `readDeadLetters` and `Publisher.publish`.
 */
export async function* redriveDeadLetters(
  { kafka, publisher }: { readonly kafka: KafkaConnection; readonly publisher: Pick<Publisher, 'publish'> },
  options: RedriveOptions,
): AsyncGenerator<RedriveOutcome> {
  const { names, isWanted = () => true, signal } = options;
  let batch: ValidLetter[] = [];
  for await (const letter of readDeadLetters(kafka, { topic: names.deadLetters, signal })) {
    if (letter.redrivenAt !== undefined || !isWanted(letter)) continue;
    const validated = validate(letter, options);
    if ('failure' in validated) {
      yield validated;
      continue;
    }
    batch.push(validated);
    if (batch.length < batchLettersMax) continue;
    yield* await publish(publisher, batch, options);
    batch = [];
  }
  yield* await publish(publisher, batch, options);
}

interface ValidLetter {
  readonly letter: DeadLetter;
  readonly event: Event;
}

function validate(letter: DeadLetter, options: RedriveOptions): ValidLetter | Required<RedriveOutcome> {
  const { names, types = [], addEventIds = false } = options;
  if (letter.topic !== names.events) return { letter, failure: { field: '', reason: 'not-an-event' } };
  if (letter.bytes !== undefined) return { letter, failure: { field: '', reason: 'payload-incomplete' } };
  const value = payloadBytes(letter);
  let parsed = parseLoggedEvent(value, letter.timestamp, types);
  if (addEventIds && value !== null && lacksEventId(parsed)) {
    parsed = parseLoggedEvent(withEventId(value, letter.deadLetterId), letter.timestamp, types);
  }
  return parsed.ok
    ? { letter, event: parsed.event }
    : { letter, failure: { field: parsed.field, reason: parsed.reason } };
}

function lacksEventId(parsed: { readonly ok: true } | Refusal): boolean {
  return !parsed.ok && parsed.field === 'eventId' && parsed.reason === 'missing';
}

function withEventId(value: Buffer, eventId: string): Buffer {
  const fields: unknown = JSON.parse(value.toString('utf8'));
  return Buffer.from(JSON.stringify(isPlainObject(fields) ? { ...fields, eventId } : fields));
}

async function publish(
  publisher: Pick<Publisher, 'publish'>,
  batch: readonly ValidLetter[],
  { names, isDryRun = false, now }: RedriveOptions,
): Promise<RedriveOutcome[]> {
  if (!isDryRun) {
    await publisher.publish(
      batch.map(({ letter: { topic, timestamp }, event }) => ({
        topic,
        key: keyOf(event),
        value: serializeEvent(event),
        timestamp,
      })),
    );
    await publisher.publish(batch.map(({ letter }) => redrivenRecord(names.deadLetters, letter.deadLetterId, now())));
  }
  return batch.map(({ letter }) => ({ letter }));
}
