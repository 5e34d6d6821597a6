import { DOUBLE, SMALLINT, VARCHAR } from '@duckdb/node-api';
import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { LoggedEvent } from '@facet/event-log';

/**
 * The columns of every Parquet file of the lake with their types in Delta Lake. `logSource` and `logOffset` locate an event in its
 * event log.
 */
export const lakeColumns = {
  eventId: 'string',
  type: 'string',
  userId: 'string',
  itemId: 'string',
  occurredAt: 'timestamp',
  receivedAt: 'timestamp',
  value: 'double',
  sessionId: 'string',
  recommendationId: 'string',
  position: 'long',
  context: 'string',
  extra: 'string',
  logSource: 'string',
  logOffset: 'long',
} as const;

/** The sort order of rows in a file: by user, then by time. */
export const lakeOrder = ['userId', 'occurredAt', 'eventId', 'logSource', 'logOffset'] as const;

interface BufferColumn {
  readonly name: keyof typeof lakeColumns;
  readonly type: DuckDBType;
  /** SQL of the Parquet column, where it differs from the buffer's column. */
  readonly sql?: string;
  readonly valueOf: (logged: LoggedEvent, source: number) => DuckDBValue;
}

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
const utc = (column: string): string => `make_timestamp(${column}::BIGINT * 1000)::TIMESTAMPTZ`;

/** The columns of a writer's buffer. Whole numbers are DOUBLE, which represents them exactly and avoids a bigint per row. */
export const bufferColumns: readonly BufferColumn[] = [
  { name: 'eventId', type: VARCHAR, valueOf: ({ event }) => event.eventId },
  { name: 'type', type: VARCHAR, valueOf: ({ event }) => event.type },
  { name: 'userId', type: VARCHAR, valueOf: ({ event }) => event.userId ?? null },
  { name: 'itemId', type: VARCHAR, valueOf: ({ event }) => event.itemId ?? null },
  { name: 'occurredAt', type: DOUBLE, sql: utc('occurredAt'), valueOf: ({ event }) => event.occurredAt },
  { name: 'receivedAt', type: DOUBLE, sql: utc('receivedAt'), valueOf: ({ event }) => event.receivedAt },
  { name: 'value', type: DOUBLE, valueOf: ({ event }) => event.value ?? null },
  { name: 'sessionId', type: VARCHAR, valueOf: ({ event }) => event.sessionId ?? null },
  { name: 'recommendationId', type: VARCHAR, valueOf: ({ event }) => event.recommendationId ?? null },
  { name: 'position', type: DOUBLE, sql: 'position::BIGINT', valueOf: ({ event }) => event.position ?? null },
  { name: 'context', type: VARCHAR, valueOf: ({ event }) => json(event.context) },
  { name: 'extra', type: VARCHAR, valueOf: ({ event }) => json(event.extra) },
  { name: 'logSource', type: SMALLINT, sql: 'sources[logSource + 1]', valueOf: (_, source) => source },
  { name: 'logOffset', type: DOUBLE, sql: 'logOffset::BIGINT', valueOf: ({ offset }) => offset },
];
