export { ClientError, UnacknowledgedError } from './client-error.ts';
export type { ClientErrorOptions } from './client-error.ts';
export { createEventClient } from './event-client.ts';
export type {
  CallOptions,
  Erasure,
  EventClient,
  EventClientOptions,
  EventResult,
  SendSummary,
} from './event-client.ts';
export type { RecordResult } from './send-records.ts';
export type { Attributes, EventRecord, ItemRecord, UserRecord } from './records.ts';
export type { Problem } from './serving/serving-api.ts';
