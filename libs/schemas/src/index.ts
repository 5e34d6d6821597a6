/*
 * Parses and serializes events, items, users and erasures.
 * Start with `parseEvent`, `parseItem` and `parseLoggedEvent`.
 * Imports only `@facet/platform`, and no `node:fs`: parsing does no I/O.
 */
export {
  AttributeValueSchema,
  isAttributeValue,
  ItemSchema,
  parseItem,
  parseUser,
  serializeItem,
  serializeUser,
  UserSchema,
} from './item-and-user.ts';
export type { Attributes, AttributeValue, Item, User } from './item-and-user.ts';
export { IngestStatus } from './ingest-status.ts';
export {
  countedField,
  EventSchema,
  eventTypePattern,
  futureToleranceMs,
  identifyType,
  isEventType,
  keyOf,
  missingField,
  parseEvent,
  refuseTime,
  serializeEvent,
  standardEventTypes,
} from './event.ts';
export type { Event } from './event.ts';
export {
  hashUser,
  IdentifierSchema,
  idLengthMax,
  refuseIdentifier,
  refuseUserIdentifier,
  sessionUserPrefix,
} from './identifier.ts';
export { jsonSchemas } from './json-schemas.ts';
export {
  IntakeCount,
  IntakeOutcome,
  parseLoggedErasure,
  parseLoggedEvent,
  parseLoggedIntake,
  parseLoggedItem,
  parseLoggedUser,
  serializeErasure,
  serializeIntake,
  sumIntake,
} from './logged-records.ts';
export { isPlainObject, isTooDeep, nestingMax, refusalReasons, refuse } from './refusal.ts';
export type { Refusal, RefusalReason } from './refusal.ts';
export { epochNumberMs, isCalendarDay, utcMs } from './times.ts';
