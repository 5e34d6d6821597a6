export {
  AttributesSchema,
  AttributeValueSchema,
  EventSchema,
  eventTypePattern,
  futureToleranceMs,
  IdentifierSchema,
  idLengthMax,
  isAttributeValue,
  isEventType,
  ItemSchema,
  parseEvent,
  parseItem,
  parseUser,
  standardEventTypes,
  UserSchema,
} from './schemas/index.ts';
export type {
  Attributes,
  AttributeValue,
  Event,
  EventInput,
  Item,
  ItemInput,
  ParseEventOptions,
  Refusal,
  RefusalReason,
  User,
  UserInput,
} from './schemas/index.ts';
export type { EventLog, LoggedEvent, OffsetRange } from './event-log/event-log.ts';
export type { LakeEvent, LakeFile, LakeWindow } from './lake/lake-event.ts';
