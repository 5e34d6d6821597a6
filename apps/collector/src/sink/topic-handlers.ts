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
  sumIntake,
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
 * @param signal cancels waiting for a dependency
 */
type ProcessMessages = (
  position: Readonly<PartitionPosition>,
  messages: readonly LogMessage[],
  signal: AbortSignal,
) => Promise<void>;

export interface TopicHandler {
  /** The store that records the offset of the topic, in the same transaction as the data of its messages. */
  readonly offsetOwner: 'lake' | 'catalog';
  /** Processes messages, and advances the offset of the store to `next`, the offset after them. */
  process(
    position: Readonly<PartitionPosition>,
    messages: readonly LogMessage[],
    next: number,
    signal: AbortSignal,
  ): Promise<void>;
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

  /**
   * Creates the handler of a topic without events.
   *
   * @param accept writes a parsed message to the lake or the catalog, and returns its changes of the profiles
   */
  const processRecords =
    <Parsed extends { readonly ok: true }>(
      parse: (message: LogMessage) => Parsed | Refusal,
      accept: (parsed: Parsed, receivedAt: number) => readonly ProfileChange[] | void,
    ): ProcessMessages =>
    async (position, messages, signal) => {
      const changes: ProfileChange[] = [];
      const refused = readMessages(messages, parse, (parsed, { timestamp }) => {
        changes.push(...(accept(parsed, Number(timestamp)) ?? []));
      });
      await deadLetters.put(position, refused, signal);
      if (changes.length > 0) await profiles.apply(changes, signal);
    };

  const processes: Readonly<Record<SinkTopic, ProcessMessages>> = {
    events: processEvents(deps, rules),

    items: processRecords(
      ({ key, value }) => parseLoggedItem(key?.toString() ?? null, value),
      ({ itemId, item }, receivedAt) => catalog.changeItem(itemId, item, receivedAt),
    ),

    users: processRecords(
      ({ key, value }) => parseLoggedUser(key?.toString() ?? null, value),
      (parsed, receivedAt) => {
        const { userId } = parsed;
        // Topics are read independently: a record older than the erasure may arrive after it.
        const user = erasedUsers.isErased(userId, receivedAt) ? undefined : parsed.user;
        catalog.changeUser(userId, user, receivedAt);
        return [{ kind: 'attributes', userId, attributes: user?.attributes ?? null, receivedAt }];
      },
    ),

    // Erases users from the profiles immediately, and records the erasures in the lake until compaction carries them out. Each
    // catalog file has one writer, so a null value in the user topic erases the user from the catalog.
    erasures: processRecords(
      ({ value }) => parseLoggedErasure(value),
      ({ erasure: { erasureId, userId, requestedAt, requestedBy } }) => {
        const userHash = hashUser(userId);
        erasedUsers.add({ userHash, requestedAt });
        lake.addErasure({ erasureId, userHash, sessionHashes: [], requestedAt, requestedBy });
        return [
          { kind: 'erase', userId, before: requestedAt },
          { kind: 'attributes', userId, attributes: null, receivedAt: requestedAt },
        ];
      },
    ),

    // Writes the counts of the ingest to the transaction log of the lake, from which data health reports read them.
    intake: processRecords(
      ({ value }) => parseLoggedIntake(value),
      ({ counts }) => lake.addIntake(counts),
    ),
  };
  const handlerOf = (key: SinkTopic): TopicHandler => {
    const { offsetOwner } = topics[key];
    return {
      offsetOwner,
      async process(position, messages, next, signal) {
        await processes[key](position, messages, signal);
        if (offsetOwner === 'lake') lake.add(sourceName(position), [], next);
        else catalog.advance(sourceName(position), next);
      },
    };
  };
  return new Map((Object.keys(processes) as SinkTopic[]).map((key) => [names[key], handlerOf(key)]));
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
  return async (position, messages, signal) => {
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
interface RefusedMessage {
  readonly message: LogMessage;
  /** The invalid field; empty for the whole message. */
  readonly field: string;
  readonly reason: RefusalReason;
}

/** Publishes invalid messages to the dead-letter topic, so that they neither block the sink nor vanish. */
interface DeadLetters {
  /** Resolves when Kafka has the dead letters. A crash before the offset is stored publishes them again. */
  put(position: Readonly<PartitionPosition>, refused: readonly RefusedMessage[], signal: AbortSignal): Promise<void>;
}

export function createDeadLetters(
  {
    publisher,
    lake,
    retryPolicy,
    metrics,
    now,
  }: Pick<HandlerDeps, 'lake' | 'metrics' | 'now'> & {
    readonly publisher: Pick<Publisher, 'publish'>;
    readonly retryPolicy: RetryPolicy;
  },
  topics: Pick<TopicNames, 'deadLetters' | 'events'>,
): DeadLetters {
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
      for (const { reason } of refused) metrics.countDeadLetters(position.topic, reason, 1);
    },
  };
}

/** Counts refusals that the ingest did not see, because a company's own producers write to the topic. */
function countRefusals(topic: string, refused: readonly RefusedMessage[], now: number): IntakeCount[] {
  return sumIntake(
    refused.map(({ message, field, reason }) => {
      const time = Number(message.timestamp);
      // A producer can send any timestamp.
      const day = utcDay(time >= 0 && time <= now + dayMs ? time : now);
      return { day, producer: `topic:${topic}`, outcome: 'refused', field: countedField(field), reason, count: 1 };
    }),
  );
}
