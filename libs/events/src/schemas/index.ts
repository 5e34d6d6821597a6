export { AttributesSchema, AttributeValueSchema, isAttributeValue } from './attributes.ts';
export type { Attributes, AttributeValue } from './attributes.ts';
export {
  EventSchema,
  eventTypePattern,
  futureToleranceMs,
  isEventType,
  parseEvent,
  standardEventTypes,
} from './event.ts';
export type { Event, EventInput, ParseEventOptions } from './event.ts';
export { IdentifierSchema, idLengthMax } from './identifier.ts';
export { jsonSchemas } from './json-schemas.ts';
export { ItemSchema, parseItem } from './item.ts';
export type { Item, ItemInput } from './item.ts';
export type { Refusal, RefusalReason } from './parse-result.ts';
export { parseUser, UserSchema } from './user.ts';
export type { User, UserInput } from './user.ts';
