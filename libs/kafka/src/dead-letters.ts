import { isUtf8 } from 'node:buffer';
import { isPlainObject } from '@facet/schemas';
import type { KafkaConnection } from './connect-kafka.ts';
import { fetchExtents } from './offsets.ts';
import type { LogRecord } from './publisher.ts';
import { readRecords } from './read-records.ts';
import type { RawRecord } from './read-records.ts';
import type { UndecodableBatch } from './record-batches.ts';

/** A message, or a batch of messages, that the sink could not use, its offset, and the reason. */
export interface DeadLetter {
  /** `<topic>-<partition>-<offset>` of the message, so that a repeated dead letter has the same id. */
  readonly deadLetterId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The last offset of a batch that could not be decoded; absent for a message. The topic has the content of the batch. */
  readonly lastOffset?: number;
  /** Epoch milliseconds at which the log received the message. */
  readonly timestamp: number;
  readonly reason: string;
  /** Why the batch could not be decoded. */
  readonly problem?: string;
  /** The invalid field, shortened; empty for the whole message. A producer can send any field name. */
  readonly field: string;
  /** The message key, shortened. */
  readonly key: string | null;
  readonly payload: string | null;
  readonly encoding: 'utf8' | 'base64';
  /** Size of the message when `payload` is only its beginning. */
  readonly bytes?: number;
  /** Epoch milliseconds. */
  readonly failedAt: number;
}

/** A message as stored in the log. */
export interface DeadMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** The batch that the message replaces. */
  readonly undecodable?: UndecodableBatch | undefined;
}

/** A dead letter must fit into a record even if JSON or base64 lengthens it. The topic has the whole message. */
const payloadBytesMax = 450_000;
const keyBytesMax = 4_096;
const fieldCharactersMax = 256;

/** @param failedAt Epoch milliseconds. */
export function deadLetter(
  message: DeadMessage,
  refusal: { readonly field: string; readonly reason: string },
  failedAt: number,
): DeadLetter {
  const { topic, partition, timestamp, key, value, undecodable } = message;
  const offset = undecodable?.firstOffset ?? message.offset;
  return {
    deadLetterId: `${topic}-${partition}-${offset}`,
    topic,
    partition,
    offset,
    timestamp,
    ...(undecodable && { lastOffset: undecodable.lastOffset, problem: undecodable.problem }),
    reason: refusal.reason,
    field: refusal.field.slice(0, fieldCharactersMax),
    key: key === null ? null : Buffer.from(key.subarray(0, keyBytesMax)).toString('utf8'),
    ...payloadOf(value),
    failedAt,
  };
}

/** Returns the record of a dead letter, keyed by its id. */
export function deadLetterRecord(topic: string, letter: DeadLetter): LogRecord {
  return { topic, key: letter.deadLetterId, value: JSON.stringify(letter), timestamp: letter.failedAt };
}

/** Returns the record that marks a dead letter as redriven, keyed by its id. */
export function redrivenRecord(topic: string, deadLetterId: string, redrivenAt: number): LogRecord {
  const value = JSON.stringify({ deadLetterId, redrivenAt });
  return { topic, key: deadLetterId, value, timestamp: redrivenAt };
}

/** Returns the bytes of the message that the dead letter contains. */
export function payloadBytes({ payload, encoding }: DeadLetter): Buffer | null {
  return payload === null ? null : Buffer.from(payload, encoding);
}

export interface FoundDeadLetter extends DeadLetter {
  /** Epoch milliseconds; absent until the message is back in the log. */
  readonly redrivenAt?: number;
}

export interface ReadDeadLettersQuery {
  /** The topic of the dead letters. */
  readonly topic: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Yields each dead letter of the topic once, oldest first. Reads the topic twice, so that only ids stay in memory.
 *
 * @throws AppError as {@link readRecords}.
 */
export async function* readDeadLetters(
  kafka: KafkaConnection,
  { topic, signal }: ReadDeadLettersQuery,
): AsyncGenerator<FoundDeadLetter> {
  const extents = await fetchExtents(kafka, topic);
  const ranges = extents.map(({ partition, start, end }) => ({ partition, from: start, to: end }));
  const readEntries = async function* (): AsyncGenerator<DeadLetterEntry> {
    for await (const { records } of readRecords(kafka, { topic, ranges, signal })) {
      yield* records.map(parseDeadLetterRecord).filter((entry) => entry !== undefined);
    }
  };
  const redrivenAt = new Map<string, number>();
  for await (const entry of readEntries()) {
    if ('redrivenAt' in entry) redrivenAt.set(entry.deadLetterId, entry.redrivenAt);
  }
  const seen = new Set<string>();
  for await (const entry of readEntries()) {
    if ('redrivenAt' in entry || seen.has(entry.letter.deadLetterId)) continue;
    const { letter } = entry;
    seen.add(letter.deadLetterId);
    const time = redrivenAt.get(letter.deadLetterId);
    yield time === undefined ? letter : { ...letter, redrivenAt: time };
  }
}

type DeadLetterEntry = { readonly letter: DeadLetter } | { readonly deadLetterId: string; readonly redrivenAt: number };

/** Returns the content of a record of the topic, or `undefined` for a record that Facet did not write. */
export function parseDeadLetterRecord({ key, value }: RawRecord): DeadLetterEntry | undefined {
  if (key === null || value === null) return undefined;
  const deadLetterId = key.toString('utf8');
  const fields = parseObject(value.toString('utf8'));
  if (typeof fields?.['redrivenAt'] === 'number') return { deadLetterId, redrivenAt: fields['redrivenAt'] };
  return isDeadLetter(fields) ? { letter: fields } : undefined;
}

function isDeadLetter(fields: unknown): fields is DeadLetter {
  return (
    isPlainObject(fields) &&
    ['deadLetterId', 'topic', 'reason', 'field'].every((name) => typeof fields[name] === 'string') &&
    ['partition', 'offset', 'timestamp', 'failedAt'].every((name) => typeof fields[name] === 'number') &&
    (fields['payload'] === null || typeof fields['payload'] === 'string') &&
    (fields['encoding'] === 'utf8' || fields['encoding'] === 'base64')
  );
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isPlainObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function payloadOf(value: Uint8Array | null): Pick<DeadLetter, 'payload' | 'encoding' | 'bytes'> {
  if (value === null) return { payload: null, encoding: 'utf8' };
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length <= payloadBytesMax && isUtf8(bytes)) {
    const payload = bytes.toString('utf8');
    if (Buffer.byteLength(JSON.stringify(payload)) <= 2 * payloadBytesMax) return { payload, encoding: 'utf8' };
  }
  const kept = bytes.subarray(0, payloadBytesMax);
  return {
    payload: kept.toString('base64'),
    encoding: 'base64',
    ...(kept.length < bytes.length ? { bytes: bytes.length } : {}),
  };
}
