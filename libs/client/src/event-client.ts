import { randomUUID } from 'node:crypto';
import { ClientError } from './client-error.ts';
import { sendRecords } from './http/send-records.ts';
import type { BatchOptions, RecordResult, RecordRoute } from './http/send-records.ts';
import { errorOf, sendRequest } from './http/send-request.ts';
import type { Endpoint } from './http/send-request.ts';
import type { EventRecord, ItemRecord, UserRecord } from './records.ts';

export interface EventClientOptions {
  /** Of the collector, such as `https://events.example.com`. */
  readonly url: string;
  /** With the scope `ingest` for events, `admin` for all else. */
  readonly key: string;
  /** Records in a request; 1,000 unless told, which is also the most the server takes. */
  readonly batchSize?: number;
  /** Requests at a time within one call; 4 unless told. */
  readonly concurrency?: number;
  /** How long one attempt may take; 10 s unless told. */
  readonly timeoutMs?: number;
  /** For how long attempts are repeated after network errors, 429 and 503; 60 s unless told. */
  readonly giveUpAfterMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface EventResult extends RecordResult {
  readonly eventId: string;
}

/** What became of the records of one call. */
export interface SendSummary<Result> {
  readonly accepted: number;
  /** Same `eventId` as another event of the same request. */
  readonly duplicates: number;
  readonly refused: number;
  /** One for each record, in their order. */
  readonly results: readonly Result[];
}

/** A request to forget a user: safe, and carried out by and by. */
export interface Erasure {
  readonly erasureId: string;
  /** The SHA-256 of the user id in hex, by which the lake names the erasure. */
  readonly userHash: string;
  /** Epoch milliseconds: what was received up to then is erased. */
  readonly requestedAt: number;
}

export interface EventClient {
  /**
   * Resolves when each event is durable, or refused for what is wrong with it.
   *
   * @throws UnacknowledgedError with the events that were not acknowledged, to be sent again as they are there.
   */
  send(events: readonly EventRecord[], options?: CallOptions): Promise<SendSummary<EventResult>>;
  /** @throws UnacknowledgedError, as `send`. */
  putItems(items: readonly ItemRecord[], options?: CallOptions): Promise<SendSummary<RecordResult>>;
  /** @throws UnacknowledgedError, as `send`. */
  putUsers(users: readonly UserRecord[], options?: CallOptions): Promise<SendSummary<RecordResult>>;
  /**
   * Removes a user's profile at once, and the events at the next compaction of the lake.
   *
   * @throws ClientError
   */
  eraseUser(userId: string, options?: CallOptions): Promise<Erasure>;
}

const routes = {
  events: { method: 'POST', path: '/v1/events', listField: 'events' },
  items: { method: 'PUT', path: '/v1/items', listField: 'items' },
  users: { method: 'PUT', path: '/v1/users', listField: 'users' },
} as const satisfies Record<string, RecordRoute>;

/** A client of the collector for servers. It keeps nothing: what a call was given is sent when the call resolves. */
export function createEventClient(options: EventClientOptions): EventClient {
  const endpoint: Endpoint = {
    url: options.url.replace(/\/+$/, ''),
    key: options.key,
    timeoutMs: options.timeoutMs ?? 10_000,
    giveUpAfterMs: options.giveUpAfterMs ?? 60_000,
  };
  const batches: BatchOptions = { batchSize: options.batchSize ?? 1_000, concurrency: options.concurrency ?? 4 };
  const put = async <T>(route: RecordRoute, records: readonly T[], call: CallOptions) =>
    summarize(await sendRecords(endpoint, route, records, { ...batches, ...call }));

  return {
    async send(events, call = {}) {
      const now = Date.now();
      // Given once, before the first attempt: however often an event is sent, it stays the same event.
      const complete = events.map((event) => ({
        ...event,
        eventId: event.eventId ?? randomUUID(),
        occurredAt: event.occurredAt ?? now,
      }));
      const results = await sendRecords(endpoint, routes.events, complete, { ...batches, ...call });
      return summarize(results.map((result, i) => ({ ...result, eventId: complete[i]?.eventId as string })));
    },
    putItems: (items, call = {}) => put(routes.items, items, call),
    putUsers: (users, call = {}) => put(routes.users, users, call),
    async eraseUser(userId, call = {}) {
      const path = `/v1/users/${encodeURIComponent(userId)}`;
      const answer = await sendRequest(endpoint, { method: 'DELETE', path, ...call });
      if (answer.status >= 400) throw errorOf(answer);
      const { erasureId, userHash, requestedAt } = (answer.body ?? {}) as Partial<Erasure>;
      if (erasureId !== undefined && userHash !== undefined && requestedAt !== undefined) {
        return { erasureId, userHash, requestedAt };
      }
      throw new ClientError(`The answer of ${endpoint.url} names no erasure`, {
        code: 'CLIENT_ANSWER_UNREADABLE',
        retryable: false,
      });
    },
  };
}

function summarize<Result extends RecordResult>(results: readonly Result[]): SendSummary<Result> {
  const count = (status: RecordResult['status']) => results.filter((result) => result.status === status).length;
  return { accepted: count('accepted'), duplicates: count('duplicate'), refused: count('refused'), results };
}
