import { isPlainObject, keyOf, parseLoggedEvent, serializeEvent } from '@facet/schemas';
import type { Event, Refusal } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { KafkaConnection } from './connect-kafka.ts';
import { DeadLetterSchema, payloadBytes, readDeadLetters, redrivenRecord } from './dead-letters.ts';
import type { DeadLetter, FoundDeadLetter, ReadDeadLettersQuery } from './dead-letters.ts';
import type { Publisher } from './publisher.ts';
import type { TopicNames } from './topics.ts';

/** Selects dead letters. An absent condition selects all. */
export interface DeadLetterFilter {
  readonly reasons?: readonly string[] | undefined;
  readonly field?: string | undefined;
}

/** The number of dead letters with a reason. */
export const ReasonCountSchema = Type.Object(
  { reason: Type.String(), field: DeadLetterSchema.properties.field, count: Type.Integer() },
  { title: 'ReasonCount' },
);
export type ReasonCount = Static<typeof ReasonCountSchema>;

interface DeadLetterSummary {
  readonly total: number;
  /** Most frequent first. */
  readonly reasons: ReasonCount[];
  /** The newest dead letters, in ascending order of time. */
  readonly deadLetters: FoundDeadLetter[];
}

export interface SummaryQuery extends ReadDeadLettersQuery, DeadLetterFilter {
  /** Number of returned dead letters. */
  readonly limit: number;
  readonly withRedriven?: boolean | undefined;
  /** Characters of a returned payload. Default: all. */
  readonly payloadMax?: number | undefined;
}

/**
 * Counts the dead letters of a topic by reason, and returns the newest.
 *
 * @throws AppError as `readDeadLetters`.
 */
export async function summarizeDeadLetters(
  kafka: KafkaConnection,
  { limit, withRedriven = false, payloadMax, ...query }: SummaryQuery,
): Promise<DeadLetterSummary> {
  const newest: FoundDeadLetter[] = [];
  const counts = new ReasonCounts();
  for await (const letter of readDeadLetters(kafka, query)) {
    if (!isInFilter(letter, query) || (letter.redrivenAt !== undefined && !withRedriven)) continue;
    counts.add(letter);
    newest.push(payloadMax === undefined ? letter : shorten(letter, payloadMax));
    if (newest.length > limit) newest.shift();
  }
  return { total: counts.total, reasons: counts.rows(), deadLetters: newest };
}

/** Copies the beginning of the payload: a slice would keep all of it in memory. */
function shorten(letter: FoundDeadLetter, payloadMax: number): FoundDeadLetter {
  const { payload } = letter;
  return payload === null ? letter : { ...letter, payload: Buffer.from(payload.slice(0, payloadMax)).toString() };
}

/** Returns the dead letter with an id. @throws AppError as `readDeadLetters`. */
export async function findDeadLetter(
  kafka: KafkaConnection,
  { id, ...query }: ReadDeadLettersQuery & { readonly id: string },
): Promise<FoundDeadLetter | undefined> {
  for await (const letter of readDeadLetters(kafka, query)) if (letter.deadLetterId === id) return letter;
  return undefined;
}

export const RedriveReportSchema = Type.Object({
  isComplete: Type.Boolean({
    description: 'False if the signal ended the redrive before it reached all dead letters.',
  }),
  redriven: Type.Integer({ description: 'Messages that were sent, or would be sent.' }),
  failed: Type.Integer({ description: 'Dead letters that are still invalid.' }),
  reasons: Type.Array(ReasonCountSchema, { description: 'Why they are still invalid, most frequent first.' }),
  failures: Type.Array(
    Type.Object({ deadLetterId: Type.String(), ...Type.Omit(ReasonCountSchema, ['count']).properties }),
  ),
  notFound: Type.Array(Type.String(), {
    description: 'Requested ids that do not exist or were redriven before; empty if isComplete is false.',
  }),
});
export type RedriveReport = Static<typeof RedriveReportSchema>;

/**
 * Sends dead letters that are now valid back to Kafka. When the signal aborts, finishes the current batch and reports how far it
 * got. The next redrive continues with the rest.
 *
 * @param options.ids only these; empty for all
 * @param options.failuresMax the most entries in `failures`
 * @throws AppError as `redriveDeadLetters`.
 */
export async function redrive(
  parts: { readonly kafka: KafkaConnection; readonly publisher: Pick<Publisher, 'publish'> },
  {
    ids,
    failuresMax,
    ...options
  }: Omit<RedriveOptions, 'isWanted'> &
    DeadLetterFilter & { readonly ids: readonly string[]; readonly failuresMax: number },
): Promise<RedriveReport> {
  const wanted = new Set(ids);
  const isWanted = (letter: DeadLetter): boolean =>
    isInFilter(letter, options) && (wanted.size === 0 || wanted.has(letter.deadLetterId));
  const notFound = new Set(ids);
  let redriven = 0;
  let isComplete = true;
  const counts = new ReasonCounts();
  const failures: RedriveReport['failures'] = [];
  try {
    for await (const { letter, failure } of redriveDeadLetters(parts, { ...options, isWanted })) {
      const { deadLetterId } = letter;
      notFound.delete(deadLetterId);
      if (failure === undefined) {
        redriven++;
        continue;
      }
      counts.add(failure);
      if (failures.length < failuresMax) failures.push({ deadLetterId, ...failure });
    }
  } catch (error) {
    if (options.signal?.aborted !== true || error !== options.signal.reason) throw error;
    isComplete = false;
    notFound.clear();
  }
  const { total: failed } = counts;
  return { isComplete, redriven, failed, reasons: counts.rows(), failures, notFound: [...notFound] };
}

function isInFilter({ reason, field }: DeadLetter, filter: DeadLetterFilter): boolean {
  const { reasons } = filter;
  return (reasons === undefined || reasons.includes(reason)) && (filter.field === undefined || field === filter.field);
}

class ReasonCounts {
  readonly #counts = new Map<string, ReasonCount>();
  total = 0;

  add({ reason, field }: Omit<ReasonCount, 'count'>): void {
    const key = JSON.stringify([reason, field]);
    const entry = this.#counts.get(key) ?? { reason, field, count: 0 };
    entry.count++;
    this.total++;
    this.#counts.set(key, entry);
  }

  rows(): ReasonCount[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count);
  }
}

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
