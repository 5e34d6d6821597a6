import { isUtf8 } from 'node:buffer';
import { isPlainObject } from '@facet/schemas';
import type { LogRecord } from './publish-queue.ts';
import type { RawRecord } from './range-reader.ts';

/** A message that could not be used: where it stands in the log, and why. */
export interface DeadLetter {
  /** `<topic>-<partition>-<offset>` of the message: the same however often it is put aside. */
  readonly deadLetterId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** When the log took the message in, epoch milliseconds. */
  readonly timestamp: number;
  readonly reason: string;
  /** At fault; empty for the whole message. A producer may make one up: its beginning. */
  readonly field: string;
  /** Its beginning. */
  readonly key: string | null;
  readonly payload: string | null;
  readonly encoding: 'utf8' | 'base64';
  /** Of the message, when the payload is only its beginning. */
  readonly bytes?: number;
  /** Epoch milliseconds. */
  readonly failedAt: number;
}

/** A message as it stands in the log. */
export interface DeadMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** A letter must fit into a record, also when JSON doubles or base64 lengthens it; all of the message is in its topic. */
const payloadBytesMax = 450_000;
const keyBytesMax = 4_096;
const fieldCharactersMax = 256;

/** @param failedAt Epoch milliseconds. */
export function deadLetter(
  message: DeadMessage,
  refusal: { readonly field: string; readonly reason: string },
  failedAt: number,
): DeadLetter {
  const { topic, partition, offset, timestamp, key, value } = message;
  return {
    deadLetterId: `${topic}-${partition}-${offset}`,
    topic,
    partition,
    offset,
    timestamp,
    reason: refusal.reason,
    field: refusal.field.slice(0, fieldCharactersMax),
    key: key === null ? null : Buffer.from(key.subarray(0, keyBytesMax)).toString('utf8'),
    ...payloadOf(value),
    failedAt,
  };
}

/** The record of a letter, keyed by its id. */
export function deadLetterRecord(topic: string, letter: DeadLetter): LogRecord {
  return { topic, key: letter.deadLetterId, value: JSON.stringify(letter), timestamp: letter.failedAt };
}

/** The record that a letter's message is in the log again, keyed by the letter's id. */
export function redrivenRecord(topic: string, deadLetterId: string, redrivenAt: number): LogRecord {
  const value = JSON.stringify({ deadLetterId, redrivenAt });
  return { topic, key: deadLetterId, value, timestamp: redrivenAt };
}

export type DeadLetterEntry =
  { readonly letter: DeadLetter } | { readonly deadLetterId: string; readonly redrivenAt: number };

/** What a record of the topic says; `undefined` when it is none of Facet's. */
export function parseDeadLetterRecord({ key, value }: RawRecord): DeadLetterEntry | undefined {
  if (key === null || value === null) return undefined;
  const deadLetterId = key.toString('utf8');
  const fields = parseObject(value.toString('utf8'));
  if (typeof fields?.['redrivenAt'] === 'number') return { deadLetterId, redrivenAt: fields['redrivenAt'] };
  return isLetter(fields) ? { letter: fields } : undefined;
}

/** The bytes of the message, as far as the letter has them. */
export function payloadBytes({ payload, encoding }: DeadLetter): Buffer | null {
  return payload === null ? null : Buffer.from(payload, encoding);
}

function isLetter(fields: unknown): fields is DeadLetter {
  return (
    isPlainObject(fields) &&
    ['deadLetterId', 'topic', 'reason', 'field'].every((name) => typeof fields[name] === 'string') &&
    ['partition', 'offset', 'timestamp', 'failedAt'].every((name) => typeof fields[name] === 'number') &&
    (fields['payload'] === null || typeof fields['payload'] === 'string') &&
    (fields['encoding'] === 'utf8' || fields['encoding'] === 'base64')
  );
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

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isPlainObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
