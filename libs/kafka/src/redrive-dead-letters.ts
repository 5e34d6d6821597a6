import { isPlainObject, keyOf, parseLoggedEvent, serializeEvent } from '@facet/schemas';
import type { Event, Refusal } from '@facet/schemas';
import type { KafkaConnection } from './connect-kafka.ts';
import { payloadBytes, readDeadLetters, redrivenRecord } from './dead-letters.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { Publisher } from './publisher.ts';
import type { TopicNames } from './topics.ts';

export interface RedriveOptions {
  readonly names: Pick<TopicNames, 'events' | 'deadLetters'>;
  /** Declared event types in addition to the standard ones. */
  readonly types?: readonly string[];
  /** Uses the dead letter id as the eventId of events without one. It is as unique. */
  readonly addEventIds?: boolean;
  /** Selects dead letters. By default, all that have not been redriven. */
  readonly isWanted?: (letter: DeadLetter) => boolean;
  /** Reports the outcomes without publishing. */
  readonly isDryRun?: boolean;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

export interface RedriveOutcome {
  readonly letter: DeadLetter;
  /** Why the message is still invalid; absent when it is back in the log. */
  readonly failure?: { readonly field: string; readonly reason: string };
}

/** Number of dead letters that are published together. */
const batchLettersMax = 200;

/**
 * Publishes the messages of dead letters again if they are valid now, at their original time. The messages are published
 * before the marks that they were redriven. A crash between the two publishes a message twice under the same eventId,
 * which counts once. The signal ends the redrive between
 * two batches. Dead letters of topics other than the event topic stay: their item or user may have changed.
 *
 * @throws AppError as `readDeadLetters` and `Publisher.publish`. The signal's reason when it aborts.
 */
export async function* redriveDeadLetters(
  { kafka, publisher }: { readonly kafka: KafkaConnection; readonly publisher: Pick<Publisher, 'publish'> },
  options: RedriveOptions,
): AsyncGenerator<RedriveOutcome> {
  const { names, isWanted = () => true, signal } = options;
  let batch: ValidLetter[] = [];
  for await (const letter of readDeadLetters(kafka, { topic: names.deadLetters, signal })) {
    signal?.throwIfAborted();
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
  signal?.throwIfAborted();
  yield* await publish(publisher, batch, options);
}

interface ValidLetter {
  readonly letter: DeadLetter;
  readonly event: Event;
}

function validate(letter: DeadLetter, options: RedriveOptions): ValidLetter | Required<RedriveOutcome> {
  const { names, types = [], addEventIds = false } = options;
  if (letter.topic !== names.events) return { letter, failure: { field: '', reason: 'not-an-event' } };
  if (letter.lastOffset !== undefined) return { letter, failure: { field: '', reason: 'undecodable' } };
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
