import { topics, deadLetter, deadLetterRecord } from '@facet/kafka';
import type { SinkTopic, TopicNames, Publisher } from '@facet/kafka';
import { sourceName } from '@facet/lake';
import type { LakeWriter } from '@facet/lake';
import { dayMs, utcDay } from '@facet/platform';
import { changesOf } from '@facet/profiles';
import type { ProfileChange } from '@facet/profiles';
import {
  hashUser,
  parseLoggedErasure,
  parseLoggedEvent,
  parseLoggedIntake,
  parseLoggedItem,
  parseLoggedUser,
  refuse,
  countedField,
} from '@facet/schemas';
import type { Refusal, IntakeCount, RefusalReason } from '@facet/schemas';
import type { LoggedEvent } from '@facet/event-log';
import type { PositiveRule } from '@facet/features';
import type { CatalogFeed } from './catalog-feed.ts';
import type { LogMessage } from './group-consumer.ts';
import type { ErasedUsers, ProfileFeed } from './profile-feed.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { SinkMetrics } from './sink-metrics.ts';
import type { PartitionPosition } from './sink-state.ts';

/**
 * Processes messages of one topic. Processing repeats after a failure, so it must be idempotent.
 *
 * @param next the offset after `messages`
 * @param signal cancels waiting for a dependency
 */
type ProcessMessages = (
  position: Readonly<PartitionPosition>,
  messages: readonly LogMessage[],
  next: number,
  signal: AbortSignal,
) => Promise<void>;

export interface TopicHandler {
  /** The store that records the offset of the topic, in the same transaction as the data of its messages. */
  readonly offsetOwner: 'lake' | 'catalog';
  readonly process: ProcessMessages;
}

/** The stores to which handlers write. */
interface HandlerDeps {
  readonly lake: LakeWriter;
  readonly catalog: CatalogFeed;
  readonly profiles: ProfileFeed;
  readonly deadLetters: DeadLetters;
  readonly erasedUsers: ErasedUsers;
  readonly metrics: SinkMetrics;
  /** Returns the time in epoch milliseconds. */
  readonly now: () => number;
}

interface EventRules {
  /** Event types that `facet.yaml` declares. */
  readonly types: readonly string[];
  readonly isPositive: PositiveRule;
}

/** Returns the handlers of the topics that the sink reads, by the name of the topic. */
export function createTopicHandlers(
  names: TopicNames,
  deps: HandlerDeps,
  rules: EventRules,
): ReadonlyMap<string, TopicHandler> {
  const { lake, catalog, profiles, deadLetters, erasedUsers } = deps;
  const processes: Readonly<Record<SinkTopic, ProcessMessages>> = {
    events: processEvents(deps, rules),

    async items(position, messages, next, signal) {
      const refused = readMessages(
        messages,
        ({ key, value }) => parseLoggedItem(key?.toString() ?? null, value),
        ({ itemId, item }, { timestamp }) => catalog.changeItem(itemId, item, Number(timestamp)),
      );
      await deadLetters.put(position, refused, signal);
      catalog.advance(sourceName(position), next);
    },

    async users(position, messages, next, signal) {
      const changes: ProfileChange[] = [];
      const refused = readMessages(
        messages,
        ({ key, value }) => parseLoggedUser(key?.toString() ?? null, value),
        (parsed, { timestamp }) => {
          const { userId } = parsed;
          const receivedAt = Number(timestamp);
          // Topics are read independently: a record older than the erasure may arrive after it.
          const user = erasedUsers.isErased(userId, receivedAt) ? undefined : parsed.user;
          catalog.changeUser(userId, user, receivedAt);
          changes.push({ kind: 'attributes', userId, attributes: user?.attributes ?? null, receivedAt });
        },
      );
      await deadLetters.put(position, refused, signal);
      await profiles.apply(changes, signal);
      catalog.advance(sourceName(position), next);
    },

    /**
     * Erases users from the profiles immediately, and records the erasures in the lake until compaction carries them out. Each
     * catalog file has one writer, so a null value in the user topic erases the user from the catalog.
     */
    async erasures(position, messages, next, signal) {
      const changes: ProfileChange[] = [];
      const refused = readMessages(
        messages,
        ({ value }) => parseLoggedErasure(value),
        ({ erasure: { erasureId, userId, requestedAt, requestedBy } }) => {
          const userHash = hashUser(userId);
          erasedUsers.add({ userHash, requestedAt });
          changes.push({ kind: 'erase', userId, before: requestedAt });
          changes.push({ kind: 'attributes', userId, attributes: null, receivedAt: requestedAt });
          lake.addErasure({ erasureId, userHash, sessionHashes: [], requestedAt, requestedBy });
        },
      );
      await deadLetters.put(position, refused, signal);
      await profiles.apply(changes, signal);
      lake.add(sourceName(position), [], next);
    },

    /** Writes the counts of the ingest to the transaction log of the lake, from which data health reports read them. */
    async intake(position, messages, next, signal) {
      const refused = readMessages(
        messages,
        ({ value }) => parseLoggedIntake(value),
        ({ counts }) => lake.addIntake(counts),
      );
      await deadLetters.put(position, refused, signal);
      lake.add(sourceName(position), [], next);
    },
  };
  return new Map(
    (Object.keys(processes) as SinkTopic[]).map((key) => [
      names[key],
      { offsetOwner: topics[key].offsetOwner, process: processes[key] },
    ]),
  );
}

/** Messages parsed at once, while Redis applies the previous ones. Larger parts would delay reading the replies of Redis. */
const messagesPerPart = 2_048;
/** Ages observed in a part. Its events are so close in time that more samples add nothing. */
const agesPerPart = 10;

/** Writes events to the buffer of the lake, and immediately to the profiles. */
function processEvents(
  { lake, profiles, deadLetters, metrics, now }: HandlerDeps,
  { types, isPositive }: EventRules,
): ProcessMessages {
  const observeAges = (events: readonly LoggedEvent[]): void => {
    const step = Math.ceil(events.length / agesPerPart);
    for (let index = 0; index < events.length; index += step) {
      metrics.observeAge((now() - events[index]!.event.receivedAt) / 1000);
    }
  };
  return async (position, messages, next, signal) => {
    for (let start = 0; start < messages.length; start += messagesPerPart) {
      const part = messages.slice(start, start + messagesPerPart);
      const events: LoggedEvent[] = [];
      const changes: ProfileChange[] = [];
      const refused = readMessages(
        part,
        ({ value, timestamp }) => parseLoggedEvent(value, Number(timestamp), types),
        ({ event }, { offset }) => {
          events.push({ offset: Number(offset), event });
          for (const change of changesOf(event, isPositive)) changes.push(change);
        },
      );
      await deadLetters.put(position, refused, signal);
      await profiles.apply(changes, signal, () => observeAges(events));
      lake.add(sourceName(position), events, Number(part.at(-1)!.offset) + 1);
      metrics.countEvents(events.length);
      for (const [days, count] of countLate(events)) metrics.countLate(days, count);
    }
    lake.add(sourceName(position), [], next);
  };
}

/** Counts events by the number of days between their own day and the day of receipt, except those of the same day. */
function countLate(events: readonly LoggedEvent[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { event } of events) {
    const days = Math.floor(event.receivedAt / dayMs) - Math.floor(event.occurredAt / dayMs);
    if (days > 0) counts.set(days, (counts.get(days) ?? 0) + 1);
  }
  return counts;
}

/** Parses messages in order, passes valid ones to `accept`, and returns the others. */
function readMessages<Parsed extends { readonly ok: true }>(
  messages: readonly LogMessage[],
  parse: (message: LogMessage) => Parsed | Refusal,
  accept: (parsed: Parsed, message: LogMessage) => void,
): RefusedMessage[] {
  const refused: RefusedMessage[] = [];
  for (const message of messages) {
    const parsed = message.undecodable === undefined ? parse(message) : refuse('', 'undecodable');
    if (parsed.ok) accept(parsed, message);
    else refused.push({ message, field: parsed.field, reason: parsed.reason });
  }
  return refused;
}

/** An invalid message and the reason. */
export interface RefusedMessage {
  readonly message: LogMessage;
  /** The invalid field; empty for the whole message. */
  readonly field: string;
  readonly reason: RefusalReason;
}

/** Publishes invalid messages to the dead-letter topic, so that they neither block the sink nor vanish. */
export interface DeadLetters {
  /** Resolves when Kafka has the dead letters. A crash before the offset is stored publishes them again. */
  put(position: Readonly<PartitionPosition>, refused: readonly RefusedMessage[], signal: AbortSignal): Promise<void>;
}

export interface DeadLettersDeps {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly lake: Pick<LakeWriter, 'addIntake'>;
  readonly retryPolicy: RetryPolicy;
  readonly metrics: SinkMetrics;
  readonly now: () => number;
}

export function createDeadLetters(
  deps: DeadLettersDeps,
  topics: Pick<TopicNames, 'deadLetters' | 'events'>,
): DeadLetters {
  const { publisher, lake, retryPolicy, metrics, now } = deps;
  return {
    async put(position, refused, signal) {
      if (refused.length === 0) return;
      const records = refused.map(({ message, field, reason }) => {
        const { key, value, undecodable } = message;
        const origin = { ...position, offset: Number(message.offset), timestamp: Number(message.timestamp) };
        return deadLetterRecord(
          topics.deadLetters,
          deadLetter({ ...origin, key, value, undecodable }, { field, reason }, now()),
        );
      });
      await retryPolicy.retry('kafka', () => publisher.publish(records), signal);
      // Data health measures the intake of events only.
      if (position.topic === topics.events) lake.addIntake(countRefusals(position.topic, refused, now()));
      for (const [reason, count] of countReasons(refused)) metrics.countDeadLetters(position.topic, reason, count);
    },
  };
}

/** Counts refusals that the ingest did not see, because a company's own producers write to the topic. */
function countRefusals(topic: string, refused: readonly RefusedMessage[], now: number): IntakeCount[] {
  const byKind = new Map<string, IntakeCount>();
  for (const { message, field: given, reason } of refused) {
    const time = Number(message.timestamp);
    // A producer can send any timestamp.
    const day = utcDay(time >= 0 && time <= now + dayMs ? time : now);
    const field = countedField(given);
    const kind = JSON.stringify([day, field, reason]);
    const count = (byKind.get(kind)?.count ?? 0) + 1;
    byKind.set(kind, { day, producer: `topic:${topic}`, outcome: 'refused', field, reason, count });
  }
  return [...byKind.values()];
}

function countReasons(refused: readonly RefusedMessage[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { reason } of refused) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}
