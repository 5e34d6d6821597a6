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
  parseEvent,
  serializeEvent,
  standardEventTypes,
} from './event.ts';
export type { Event, EventInput, ParseEventOptions } from './event.ts';
export { IdentifierSchema, idLengthMax, sessionUserPrefix, UserIdentifierSchema } from './identifier.ts';
export { jsonSchemas } from './json-schemas.ts';
export { ItemSchema, parseItem, serializeItem } from './item.ts';
export type { Item, ItemInput } from './item.ts';
export { parseLoggedErasure, serializeErasure } from './logged-erasure.ts';
export type { ErasureRequest } from './logged-erasure.ts';
export { parseLoggedIntake, serializeIntake } from './logged-intake.ts';
export { parseLogged, parseLoggedItem, parseLoggedUser } from './logged-record.ts';
export { nestingMax } from './nesting.ts';
export { refusalReasons, refuse } from './parse-result.ts';
export type { Refusal, RefusalReason } from './parse-result.ts';
export { parseUser, serializeUser, UserSchema } from './user.ts';
export type { User, UserInput } from './user.ts';
