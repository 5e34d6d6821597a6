export { AttributesSchema, AttributeValueSchema, isAttributeValue } from './attributes.ts';
export type { Attributes, AttributeValue } from './attributes.ts';
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
export type { Event, EventInput, ParseEventOptions } from './event.ts';
export {
  IdentifierSchema,
  idLengthMax,
  refuseIdentifier,
  refuseUserIdentifier,
  sessionUserPrefix,
  UserIdentifierSchema,
} from './identifier.ts';
export { ItemSchema, parseItem, serializeItem } from './item.ts';
export type { Item, ItemInput } from './item.ts';
export { jsonSchemas } from './json-schemas.ts';
export { parseLoggedErasure, serializeErasure } from './logged-erasure.ts';
export type { ErasureRequest } from './logged-erasure.ts';
export { parseLoggedIntake, serializeIntake } from './logged-intake.ts';
export { parseLogged, parseLoggedItem, parseLoggedUser } from './logged-record.ts';
export { isTooDeep, nestingMax } from './nesting.ts';
export { isPlainObject, refusalReasons, refuse } from './parse-result.ts';
export type { Refusal, RefusalReason } from './parse-result.ts';
export { isCalendarDay, utcMs } from './rfc3339.ts';
export { parseUser, serializeUser, UserSchema } from './user.ts';
export type { User, UserInput } from './user.ts';
export { hashUser } from './identifier.ts';
export type { IntakeCount } from './logged-intake.ts';
