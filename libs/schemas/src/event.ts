import { dayMs, epochMsMax } from '@facet/platform';
import { Type } from 'typebox';
import {
  IdentifierSchema,
  refuseIdentifier,
  refuseUserIdentifier,
  sessionUserPrefix,
  UserIdentifierSchema,
} from './identifier.ts';
import { isPlainObject, isTooDeep, refuse } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { parseRfc3339 } from './times.ts';

/** The type that joins the anonymous events of a session to a user. It is the only type without an item. */
export const identifyType = 'identify';

/** The event types that facet.yaml need not declare. */
export const standardEventTypes = [
  'impression',
  'view',
  'click',
  'add_to_cart',
  'purchase',
  'return',
  'rating',
  identifyType,
] as const;

/** The pattern of custom event types, which facet.yaml declares. */
export const eventTypePattern = '^[a-z][a-z0-9_]{0,63}$';

/** Smaller integers are refused as times: they are seconds (until the year 5138), not milliseconds (1973-03-03). */
export const epochMsMin = 100_000_000_000;

/**
 * How far ahead of the clock an event may be. Later events are refused, because one event from next year would shift every
 * window that ends at the newest event.
 */
export const futureToleranceMs = dayMs;

/** Requires who acted (a user or a session) and, except in `identify`, on which item. */
const presence = {
  anyOf: [{ required: ['userId'] }, { required: ['sessionId'] }],
  if: { required: ['type'], properties: { type: { const: identifyType } } },
  then: { required: ['userId', 'sessionId'] },
  else: { required: ['itemId'] },
};

/** The wire form of an event. Unknown fields are kept. */
export const EventSchema = Type.Object(
  {
    eventId: IdentifierSchema,
    type: Type.String({
      pattern: eventTypePattern,
      description: `One of ${standardEventTypes.join(', ')}, or a type that facet.yaml declares.`,
    }),
    userId: Type.Optional(UserIdentifierSchema),
    itemId: Type.Optional(IdentifierSchema),
    occurredAt: Type.Union(
      [Type.String({ format: 'date-time' }), Type.Integer({ minimum: epochMsMin, maximum: epochMsMax })],
      { description: 'RFC 3339 text, or epoch milliseconds.' },
    ),
    sessionId: Type.Optional(IdentifierSchema),
    recommendationId: Type.Optional(IdentifierSchema),
    position: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Zero-based position in the list that was shown.',
      }),
    ),
    value: Type.Optional(Type.Number({ description: 'Rating, quantity or amount, depending on the type.' })),
    context: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { $id: 'urn:facet:schema:event:v1', title: 'Event', additionalProperties: true, ...presence },
);

/** A parsed event. Times are whole epoch milliseconds. */
export interface Event {
  readonly eventId: string;
  readonly type: string;
  /** Absent only for an anonymous person. `sessionId` is then present. */
  readonly userId?: string;
  /** Absent only in an `identify`, which has `userId` and `sessionId`. */
  readonly itemId?: string;
  readonly occurredAt: number;
  /** When Facet received the event. Facet sets it, never the sender. */
  readonly receivedAt: number;
  readonly sessionId?: string;
  readonly recommendationId?: string;
  readonly position?: number;
  readonly value?: number;
  readonly context?: Readonly<Record<string, unknown>>;
  /** Unknown fields, unchanged. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export interface ParseEventOptions {
  /** The clock in epoch milliseconds, by default the system clock. It becomes `receivedAt` and bounds `occurredAt`. */
  readonly now?: number;
  /** Declared types, in addition to the standard ones. */
  readonly types?: readonly string[];
}

const knownFields = new Set([...Object.keys(EventSchema.properties), 'receivedAt']);
const standardTypes: ReadonlySet<string> = new Set(standardEventTypes);

/**
 * Parses one event from its wire form. Every accepted value is valid under {@link EventSchema}. In addition to the schema,
 * the parser refuses undeclared types, times more than a day ahead of `now`, ids that are not Unicode, and fields nested
 * deeper than {@link nestingMax}. The sender's `receivedAt` is dropped.
 */
export function parseEvent(value: unknown, options: ParseEventOptions = {}): { ok: true; event: Event } | Refusal {
  if (!isPlainObject(value)) return refuse('', 'not-an-object');
  const problem = refuseIdentifier(value['eventId']);
  if (problem !== undefined) return refuse('eventId', problem);
  const type = value['type'];
  if (typeof type !== 'string') return refuse('type', type === undefined || type === null ? 'missing' : 'not-text');
  if (!isEventType(type, options.types)) return refuse('type', 'unknown-type');

  const now = options.now ?? Date.now();
  const occurredAt = parseOccurredAt(value['occurredAt'], now);
  if (typeof occurredAt !== 'number') return occurredAt;

  const event: { -readonly [Field in keyof Event]: Event[Field] } = {
    eventId: value['eventId'] as string,
    type,
    occurredAt,
    receivedAt: now,
  };
  for (const field of ['userId', 'itemId', 'sessionId', 'recommendationId'] as const) {
    const id = value[field];
    if (id === undefined) continue;
    const problem = field === 'userId' ? refuseUserIdentifier(id) : refuseIdentifier(id);
    if (problem !== undefined) return refuse(field, problem === 'missing' ? 'not-text' : problem);
    event[field] = id as string;
  }
  const missing = missingField(event);
  if (missing !== undefined) return refuse(missing, 'missing');
  if (value['position'] !== undefined) {
    if (!Number.isSafeInteger(value['position'])) return refuse('position', 'not-a-whole-number');
    if ((value['position'] as number) < 0) return refuse('position', 'negative');
    event.position = value['position'] as number;
  }
  if (value['value'] !== undefined) {
    if (!Number.isFinite(value['value'])) return refuse('value', 'not-a-number');
    event.value = value['value'] as number;
  }
  if (value['context'] !== undefined) {
    if (!isPlainObject(value['context'])) return refuse('context', 'not-an-object');
    if (isTooDeep(value['context'])) return refuse('context', 'too-deep');
    event.context = value['context'];
  }
  const extra = Object.entries(value).filter(([field]) => !knownFields.has(field));
  for (const [field, content] of extra) if (isTooDeep(content)) return refuse(field, 'too-deep');
  if (extra.length > 0) event.extra = Object.fromEntries(extra);
  return { ok: true, event };
}

/** Returns the field that is missing to tell who acted on which item. */
export function missingField(
  event: Pick<Event, 'type' | 'userId' | 'itemId' | 'sessionId'>,
): 'userId' | 'itemId' | 'sessionId' | undefined {
  if (event.userId === undefined && (event.sessionId === undefined || event.type === identifyType)) return 'userId';
  if (event.type === identifyType) return event.sessionId === undefined ? 'sessionId' : undefined;
  return event.itemId === undefined ? 'itemId' : undefined;
}

/**
 * Returns the wire form of an event as JSON text. {@link parseEvent} restores the event from it, except `receivedAt`, which
 * the event log stores.
 */
export function serializeEvent(event: Event): string {
  // Copying fields by name is several times faster than spreading, and every event passes here.
  const { eventId, type, userId, itemId, occurredAt, sessionId, recommendationId, position, value, context } = event;
  const fields = { eventId, type, userId, itemId, occurredAt, sessionId, recommendationId, position, value, context };
  return JSON.stringify(event.extra === undefined ? fields : { ...fields, ...event.extra });
}

const countedFields: ReadonlySet<string> = new Set(['', ...Object.keys(EventSchema.properties)]);

/** Returns the metric label of a refused field. Producers may invent fields without limit, so unknown ones share a label. */
export function countedField(field: string): string {
  return countedFields.has(field) ? field : 'other';
}

/** Returns the Kafka key of an event: its user, or its session for an anonymous person. Events of a key stay in order. */
export function keyOf(event: Pick<Event, 'userId' | 'sessionId'>): string {
  return event.userId ?? `${sessionUserPrefix}${event.sessionId}`;
}

/** Returns whether a type is standard or declared. */
export function isEventType(type: string, declared: readonly string[] = []): boolean {
  return standardTypes.has(type) || declared.includes(type);
}

function parseOccurredAt(value: unknown, now: number): number | Refusal {
  if (value === undefined || value === null) return refuse('occurredAt', 'missing');
  let time: number | undefined;
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return refuse('occurredAt', 'not-a-time');
    if (value >= 0 && value < epochMsMin) return refuse('occurredAt', 'time-in-seconds');
    time = value;
  } else if (typeof value === 'string') {
    time = parseRfc3339(value);
  }
  if (time === undefined) return refuse('occurredAt', 'not-a-time');
  return refuseTime(time, now) ?? time;
}

/** Refuses a time outside 1970 to 9999, or more than {@link futureToleranceMs} ahead of `now`. */
export function refuseTime(time: number, now: number): Refusal | undefined {
  if (!(time >= 0 && time <= epochMsMax)) return refuse('occurredAt', 'time-out-of-range');
  if (time > now + futureToleranceMs) return refuse('occurredAt', 'time-in-future');
  return undefined;
}
