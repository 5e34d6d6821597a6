import type { LogRecord, TopicNames } from '@facet/kafka';
import {
  EventSchema,
  idLengthMax,
  ItemSchema,
  keyOf,
  parseEvent,
  parseItem,
  parseUser,
  refuse,
  serializeEvent,
  serializeItem,
  serializeUser,
  UserSchema,
} from '@facet/schemas';
import type { Attributes, Refusal } from '@facet/schemas';
import type { TSchema } from 'typebox';
import type { BatchEntry } from './batch-body.ts';

/** A kind of record that requests contain: how to read it and where to publish it. */
export interface RecordKind {
  readonly name: 'events' | 'items' | 'users';
  readonly idField: 'eventId' | 'itemId' | 'userId';
  readonly topic: string;
  /** Documents the record; `read` decides whether a record is valid. */
  readonly schema: TSchema;
  /** Whether a repeated id in a request is a duplicate. Otherwise the later record replaces the earlier one. */
  readonly repeatsAreDuplicates: boolean;
  read(value: unknown, receivedAt: number): ReadRecord | Refusal;
}

export interface ReadRecord {
  readonly ok: true;
  readonly id: string;
  readonly key: string;
  /** The record in its wire format. */
  readonly json: string;
  /** Of an item. */
  readonly attributes?: Attributes;
}

/** @param types event types that `facet.yaml` declares */
export function recordKinds(
  topics: TopicNames,
  types: readonly string[],
): Readonly<Record<RecordKind['name'], RecordKind>> {
  return {
    events: {
      name: 'events',
      idField: 'eventId',
      topic: topics.events,
      schema: EventSchema,
      repeatsAreDuplicates: true,
      read(value, receivedAt) {
        const parsed = parseEvent(value, { now: receivedAt, types });
        if (!parsed.ok) return parsed;
        const { event } = parsed;
        return { ok: true, id: event.eventId, key: keyOf(event), json: serializeEvent(event) };
      },
    },
    items: {
      name: 'items',
      idField: 'itemId',
      topic: topics.items,
      schema: ItemSchema,
      repeatsAreDuplicates: false,
      read(value) {
        const parsed = parseItem(value);
        if (!parsed.ok) return parsed;
        const { itemId, attributes } = parsed.item;
        return { ok: true, id: itemId, key: itemId, json: serializeItem(parsed.item), attributes };
      },
    },
    users: {
      name: 'users',
      idField: 'userId',
      topic: topics.users,
      schema: UserSchema,
      repeatsAreDuplicates: false,
      read(value) {
        const parsed = parseUser(value);
        if (!parsed.ok) return parsed;
        const { userId } = parsed.user;
        return { ok: true, id: userId, key: userId, json: serializeUser(parsed.user) };
      },
    },
  };
}

/** The outcome of one entry of a request. */
export type EntryOutcome =
  | { readonly status: 'accepted' | 'duplicate'; readonly index: number; readonly id: string }
  | { readonly status: 'refused'; readonly index: number; readonly id: string | undefined; readonly refusal: Refusal };

/** The validated entries of a request. */
export interface ProcessedBatch {
  /** One for each entry, in order. */
  readonly outcomes: readonly EntryOutcome[];
  /** The records of the accepted entries, in order. */
  readonly records: readonly LogRecord[];
  /** The names of the attributes of each record, if it is an item. Long lists are cut. */
  readonly attributeNames: readonly (readonly string[])[];
}

/** Bounds the memory of a request that waits for the log. */
const attributeNamesMax = 100;

/**
 * Validates the entries of a request and converts accepted ones to records.
 *
 * @param options.recordBytesMax limit of key and value in UTF-8. Brokers have a limit too, but refuse whole batches.
 */
export function processBatch(
  entries: readonly BatchEntry[],
  kind: RecordKind,
  options: { readonly receivedAt: number; readonly recordBytesMax: number },
): ProcessedBatch {
  const { receivedAt, recordBytesMax } = options;
  const outcomes: EntryOutcome[] = [];
  const records: LogRecord[] = [];
  const attributeNames: (readonly string[])[] = [];
  const seen = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const read = entry.ok ? kind.read(entry.value, receivedAt) : entry;
    if (!read.ok) {
      outcomes.push({ status: 'refused', index, id: entry.ok ? idOf(entry.value, kind) : undefined, refusal: read });
    } else if (kind.repeatsAreDuplicates && seen.has(read.id)) {
      outcomes.push({ status: 'duplicate', index, id: read.id });
    } else if (isLarger(read.key, read.json, recordBytesMax)) {
      outcomes.push({ status: 'refused', index, id: read.id, refusal: refuse('', 'too-large') });
    } else {
      seen.add(read.id);
      outcomes.push({ status: 'accepted', index, id: read.id });
      attributeNames.push(Object.keys(read.attributes ?? {}).slice(0, attributeNamesMax));
      records.push({ topic: kind.topic, key: read.key, value: read.json, timestamp: receivedAt });
    }
  }
  return { outcomes, records, attributeNames };
}

/** Turns records that the log refused into refused entries. @param refused indexes of the records. */
export function withRefused({ outcomes }: ProcessedBatch, refused: readonly number[]): readonly EntryOutcome[] {
  if (refused.length === 0) return outcomes;
  const indexes = new Set(refused);
  let recordIndex = 0;
  return outcomes.map((outcome) => {
    if (outcome.status !== 'accepted' || !indexes.has(recordIndex++)) return outcome;
    return { status: 'refused', index: outcome.index, id: outcome.id, refusal: refuse('', 'too-large') };
  });
}

/** Returns the id of a refused record if it has one, so that the sender can find the record. */
function idOf(value: unknown, { idField }: RecordKind): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const id = (value as Readonly<Record<string, unknown>>)[idField];
  return typeof id === 'string' && id.length <= idLengthMax ? id : undefined;
}

/** A UTF-16 unit needs at most three bytes in UTF-8, so only long text must be measured. */
function isLarger(key: string, json: string, bytesMax: number): boolean {
  if ((key.length + json.length) * 3 <= bytesMax) return false;
  return Buffer.byteLength(key) + Buffer.byteLength(json) > bytesMax;
}
