/*
 * Sends events, items and users to the collector. `@facet/client/serving` calls serving, `@facet/client/browser` runs in browsers.
 * Start with `createEventClient`, and handle `ClientError` and `UnacknowledgedError`.
 * Imports no `@facet/*`: the client works without the other libs.
 */
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
