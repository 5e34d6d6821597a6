import { isUtf8 } from 'node:buffer';
import { epochMs, parseJsonIfValid } from '@facet/platform';
import { isPlainObject } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { KafkaConnection } from './connect-kafka.ts';
import { fetchExtents } from './offsets.ts';
import type { LogRecord } from './publisher.ts';
import { readRecords } from './read-records.ts';
import type { RawRecord } from './read-records.ts';
import type { UndecodableBatch } from './record-batches.ts';

/** A message, or a batch of messages, that the sink could not use, its place in the log, and the reason. Key and field are shortened. */
export const DeadLetterSchema = Type.Object({
  // A repeated dead letter has the same id.
  deadLetterId: Type.String({ description: 'Topic, partition and offset of the message.' }),
  topic: Type.String(),
  partition: Type.Integer(),
  offset: Type.Integer(),
  lastOffset: Type.Optional(
    Type.Integer({ description: 'The last offset of a batch that cannot be decoded; absent for a message.' }),
  ),
  timestamp: Type.Integer({ description: 'When the log received the message, epoch milliseconds.' }),
  reason: Type.String(),
  problem: Type.Optional(Type.String({ description: 'Why the batch cannot be decoded.' })),
  field: Type.String({ description: 'The invalid field; empty for the whole message.' }),
  key: Type.Union([Type.String(), Type.Null()], { description: 'The key of the message.' }),
  payload: Type.Union([Type.String(), Type.Null()]),
  encoding: Type.Union([Type.Literal('utf8'), Type.Literal('base64')], { description: 'The encoding of payload.' }),
  bytes: Type.Optional(Type.Integer({ description: 'Size of the message when payload is only its beginning.' })),
  failedAt: epochMs('Epoch milliseconds.'),
});
export type DeadLetter = Readonly<Static<typeof DeadLetterSchema>>;

const checkDeadLetter = Compile(DeadLetterSchema);

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

export const FoundDeadLetterSchema = Type.Object({
  ...DeadLetterSchema.properties,
  redrivenAt: Type.Optional(epochMs('Epoch milliseconds; absent until it is redriven.')),
});
export type FoundDeadLetter = Readonly<Static<typeof FoundDeadLetterSchema>>;

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
  return checkDeadLetter.Check(fields) ? { letter: fields } : undefined;
}

/** Returns undefined for a text that is no JSON object. */
export function parseObject(json: string): Record<string, unknown> | undefined {
  const value = parseJsonIfValid(json);
  return isPlainObject(value) ? value : undefined;
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
