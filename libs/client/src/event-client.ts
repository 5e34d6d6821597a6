import { parseAddress } from './address.ts';
import { randomUUID } from 'node:crypto';
import type { EventRecord, ItemRecord, UserRecord } from './records.ts';
import { sendRecords } from './send-records.ts';
import type { BatchOptions, RecordResult, RecordRoute } from './send-records.ts';
import { errorOf, sendRequest, unreadableResponse } from './send-request.ts';
import type { Endpoint } from './send-request.ts';

export interface EventClientOptions {
  /** URL of the collector, such as `https://events.example.com`. */
  readonly url: string;
  /** A key with the scope `ingest` for events, `admin` for all other calls. */
  readonly key: string;
  /** Records per request. Default and limit of the server: 1,000. */
  readonly batchSize?: number;
  /** Concurrent requests of one call. Default: 4. */
  readonly concurrency?: number;
  /** Time limit of one attempt. Default: 10 s. */
  readonly timeoutMs?: number;
  /** How long to retry after network errors, 429 and 503. Default: 60 s. */
  readonly giveUpAfterMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface EventResult extends RecordResult {
  readonly eventId: string;
}

/** The outcome of the records of one call. */
export interface SendSummary<Result> {
  readonly accepted: number;
  /** Events with the same `eventId` as another event of the request. */
  readonly duplicates: number;
  readonly refused: number;
  /** One for each record, in order. */
  readonly results: readonly Result[];
}

/** A stored request to erase a user, which Facet carries out later. */
export interface Erasure {
  readonly erasureId: string;
  /** Epoch milliseconds. Data received until then is erased. */
  readonly requestedAt: number;
}

export interface EventClient {
  /**
   * Resolves when each event is stored or refused.
   *
   * @throws UnacknowledgedError with the events that were not acknowledged. Send exactly those again.
   */
  send(events: readonly EventRecord[], options?: CallOptions): Promise<SendSummary<EventResult>>;
  /** @throws UnacknowledgedError, as `send` */
  putItems(items: readonly ItemRecord[], options?: CallOptions): Promise<SendSummary<RecordResult>>;
  /** @throws UnacknowledgedError, as `send` */
  putUsers(users: readonly UserRecord[], options?: CallOptions): Promise<SendSummary<RecordResult>>;
  /**
   * Erases a user's profile immediately, and the events at the next compaction of the lake.
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

/** Creates a client of the collector for servers. It has no queue: a call resolves after its records are sent. */
export function createEventClient(options: EventClientOptions): EventClient {
  const endpoint: Endpoint = {
    ...parseAddress(options),
    timeoutMs: options.timeoutMs ?? 10_000,
    giveUpAfterMs: options.giveUpAfterMs ?? 60_000,
  };
  const batches: BatchOptions = { batchSize: options.batchSize ?? 1_000, concurrency: options.concurrency ?? 4 };
  const put = async <T>(route: RecordRoute, records: readonly T[], call: CallOptions) =>
    summarize(await sendRecords(endpoint, route, records, { ...batches, ...call }));

  return {
    async send(events, call = {}) {
      const now = Date.now();
      // Set before the first attempt, so that all attempts send the same event.
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
      const response = await sendRequest(endpoint, { method: 'DELETE', path, ...call });
      if (response.status >= 400) throw errorOf(response);
      const { erasureId, requestedAt } = (response.body ?? {}) as Partial<Erasure>;
      if (erasureId !== undefined && requestedAt !== undefined) {
        return { erasureId, requestedAt };
      }
      throw unreadableResponse(endpoint);
    },
  };
}

function summarize<Result extends RecordResult>(results: readonly Result[]): SendSummary<Result> {
  const count = (status: RecordResult['status']) => results.filter((result) => result.status === status).length;
  return { accepted: count('accepted'), duplicates: count('duplicate'), refused: count('refused'), results };
}
