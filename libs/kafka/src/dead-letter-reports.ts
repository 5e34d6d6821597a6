import { isPlainObject, keyOf, parseLoggedEvent, serializeEvent } from '@facet/schemas';
import type { Event, Refusal } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { KafkaConnection } from './connect-kafka.ts';
import { DeadLetterSchema, payloadBytes, readDeadLetters, redrivenRecord } from './dead-letters.ts';
import type { DeadLetter, FoundDeadLetter, ReadDeadLettersQuery } from './dead-letters.ts';
import type { LogRecord, Publisher } from './publisher.ts';
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

export interface RedriveOptions extends DeadLetterFilter {
  readonly names: Pick<TopicNames, 'events' | 'deadLetters'>;
  /** Declared event types in addition to the standard ones. */
  readonly types?: readonly string[];
  /** Uses the dead letter id as the eventId of events without one. It is as unique. */
  readonly addEventIds?: boolean;
  /** Only these; empty for all. */
  readonly ids: readonly string[];
  /** The most entries in `failures`. */
  readonly failuresMax: number;
  /** Reports the outcomes without publishing. */
  readonly isDryRun?: boolean;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** Number of dead letters that are published together. */
const batchLettersMax = 200;

/**
 * Publishes the messages of dead letters again if they are valid now, at their original time. The messages are published
 * before the marks that they were redriven. A crash between the two publishes a message twice under the same eventId,
 * which counts once. Dead letters of topics other than the event topic stay: their item or user may have changed.
 *
 * When the signal aborts, finishes the current batch and reports how far it got. The next redrive continues with the rest.
 *
 * @throws AppError as `readDeadLetters` and `Publisher.publish`.
 */
export async function redrive(
  { kafka, publisher }: { readonly kafka: KafkaConnection; readonly publisher: Pick<Publisher, 'publish'> },
  options: RedriveOptions,
): Promise<RedriveReport> {
  const { names, ids, failuresMax, isDryRun = false, now, signal } = options;
  const wanted = new Set(ids);
  const notFound = new Set(ids);
  let redriven = 0;
  let isComplete = true;
  const counts = new ReasonCounts();
  const failures: RedriveReport['failures'] = [];
  const batch: ValidLetter[] = [];
  const publishBatch = async (): Promise<void> => {
    const letters = batch.splice(0);
    if (!isDryRun) {
      await publisher.publish(letters.map(eventRecord));
      await publisher.publish(
        letters.map(({ letter }) => redrivenRecord(names.deadLetters, letter.deadLetterId, now())),
      );
    }
    redriven += letters.length;
  };
  try {
    for await (const letter of readDeadLetters(kafka, { topic: names.deadLetters, signal })) {
      signal?.throwIfAborted();
      const { deadLetterId, redrivenAt } = letter;
      const isWanted = isInFilter(letter, options) && (wanted.size === 0 || wanted.has(deadLetterId));
      if (redrivenAt !== undefined || !isWanted) continue;
      notFound.delete(deadLetterId);
      const validated = validate(letter, options);
      if ('event' in validated) {
        if (batch.push(validated) === batchLettersMax) await publishBatch();
        continue;
      }
      counts.add(validated);
      if (failures.length < failuresMax) failures.push({ deadLetterId, ...validated });
    }
    signal?.throwIfAborted();
    await publishBatch();
  } catch (error) {
    if (signal?.aborted !== true || error !== signal.reason) throw error;
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

interface ValidLetter {
  readonly letter: DeadLetter;
  readonly event: Event;
}

/** Returns the event, or why the message is still invalid. */
function validate(letter: DeadLetter, options: RedriveOptions): ValidLetter | Omit<ReasonCount, 'count'> {
  const { names, types = [], addEventIds = false } = options;
  if (letter.topic !== names.events) return { field: '', reason: 'not-an-event' };
  if (letter.lastOffset !== undefined) return { field: '', reason: 'undecodable' };
  if (letter.bytes !== undefined) return { field: '', reason: 'payload-incomplete' };
  const value = payloadBytes(letter);
  let parsed = parseLoggedEvent(value, letter.timestamp, types);
  if (addEventIds && value !== null && lacksEventId(parsed)) {
    parsed = parseLoggedEvent(withEventId(value, letter.deadLetterId), letter.timestamp, types);
  }
  return parsed.ok ? { letter, event: parsed.event } : { field: parsed.field, reason: parsed.reason };
}

function lacksEventId(parsed: { readonly ok: true } | Refusal): boolean {
  return !parsed.ok && parsed.field === 'eventId' && parsed.reason === 'missing';
}

function withEventId(value: Buffer, eventId: string): Buffer {
  const fields: unknown = JSON.parse(value.toString('utf8'));
  return Buffer.from(JSON.stringify(isPlainObject(fields) ? { ...fields, eventId } : fields));
}

function eventRecord({ letter: { topic, timestamp }, event }: ValidLetter): LogRecord {
  return { topic, key: keyOf(event), value: serializeEvent(event), timestamp };
}
