import {
  EventSchema,
  ItemSchema,
  keyOf,
  parseEvent,
  parseItem,
  parseUser,
  serializeEvent,
  serializeItem,
  serializeUser,
  UserSchema,
} from '@facet/schemas';
import type { Attributes, Refusal } from '@facet/schemas';
import type { TopicNames } from '@facet/kafka';
import type { TSchema } from 'typebox';

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
