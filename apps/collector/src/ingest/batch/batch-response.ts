import { Problem } from '@facet/http';
import { IntakeOutcome, refuse } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { BatchBodyOptions } from './batch-body.ts';
import { describeRefusal } from './describe-refusal.ts';
import type { EntryOutcome, RecordKind } from './process-batch.ts';

const Result = Type.Object({
  index: Type.Integer({ minimum: 0, description: 'The position of the record in the request.' }),
  eventId: Type.Optional(Type.String()),
  itemId: Type.Optional(Type.String()),
  userId: Type.Optional(Type.String()),
  status: IntakeOutcome,
  field: Type.Optional(Type.String({ description: 'The invalid field; empty for the whole record.' })),
  reason: Type.Optional(Type.String({ description: 'A stable identifier. Test this, not the message.' })),
  message: Type.Optional(Type.String({ description: 'How to correct the record.' })),
});

const counts = {
  accepted: Type.Integer({ description: 'Number of stored records.' }),
  duplicates: Type.Integer({ description: 'Number of events with the id of an earlier event in the same request.' }),
  refused: Type.Integer({ description: 'Number of invalid records. Sending them unchanged will fail again.' }),
  results: Type.Array(Result, {
    description: 'The records that were not accepted, in request order. With ?results=all, all records.',
  }),
};

const UnreadAttribute = Type.Object({
  name: Type.String(),
  items: Type.Integer({ minimum: 1, description: 'The number of accepted items that have it.' }),
  suggestion: Type.Optional(Type.String({ description: 'An attribute with a similar name that the model reads.' })),
  message: Type.String(),
});

/** At least one record was accepted and stored. */
export const AcceptedResponse = Type.Object(
  {
    ...counts,
    stored: Type.Union([Type.Literal('log'), Type.Literal('spool')], {
      description:
        'log: Kafka has the records. spool: the records are on the disk of the collector, which forwards them to Kafka.',
    }),
    unreadAttributes: Type.Optional(
      Type.Array(UnreadAttribute, {
        description:
          'Attributes of the accepted items that the model does not read: that of the current bundle, or of the next one if ' +
          'facet.yaml lists them. The most frequent 20. Absent if there are none, and if the collector cannot know.',
        maxItems: 20,
      }),
    ),
    unreadAttributesCount: Type.Optional(
      Type.Integer({ minimum: 1, description: 'The number of attributes that the model does not read, up to 100.' }),
    ),
  },
  { title: 'AcceptedResponse', description: 'Where the accepted records are stored, and why others were refused.' },
);
export type AcceptedResponse = Static<typeof AcceptedResponse>;

export const refusedErrors = {
  ALL_REFUSED: { status: 400, remedy: 'Correct the records that the results name, and send them with the same ids.' },
};

/** No record was accepted. */
export const RefusedResponse = Type.Object(
  { ...Problem.properties, ...Type.Partial(Type.Object(counts)).properties },
  { title: 'RefusedResponse', description: 'ALL_REFUSED with counts and results, or another problem without them.' },
);
export type RefusedResponse = Static<typeof RefusedResponse>;

type Counted = Pick<AcceptedResponse, 'accepted' | 'duplicates' | 'refused' | 'results'>;

/** @param options.isComplete whether the results include accepted records. */
export function describeOutcomes(
  outcomes: readonly EntryOutcome[],
  { idField }: RecordKind,
  { isComplete }: { readonly isComplete: boolean },
): Counted {
  const counted = { accepted: 0, duplicates: 0, refused: 0 };
  const results: AcceptedResponse['results'] = [];
  for (const outcome of outcomes) {
    const { status, index, id } = outcome;
    counted[status === 'duplicate' ? 'duplicates' : status]++;
    const named = { index, [idField]: id, status };
    if (outcome.status === 'refused') {
      const { field, reason } = outcome.refusal;
      results.push({ ...named, field, reason, message: describeRefusal(outcome.refusal) });
    } else if (isComplete || status === 'duplicate') {
      results.push(named);
    }
  }
  return { ...counted, results };
}

/** Returns the response to a request of which no record was accepted. */
export function describeAllRefused(counted: Counted): RefusedResponse {
  const { status: statusCode, remedy } = refusedErrors.ALL_REFUSED;
  const [first] = counted.results;
  return {
    statusCode,
    code: 'ALL_REFUSED',
    message: `All records of the request were refused. ${first?.message ?? ''}`.trim(),
    remedy,
    ...counted,
  };
}

type Example = Readonly<Record<string, unknown>>;

/** Two example records of each kind. */
const records: Readonly<Record<RecordKind['name'], readonly [Example, Example]>> = {
  events: [
    { eventId: 'e-1', type: 'click', userId: 'ada', itemId: 'book-7', occurredAt: '2026-01-31T12:00:00Z' },
    { eventId: 'e-2', type: 'identify', sessionId: 's-91', userId: 'ada', occurredAt: 1_769_860_980_000 },
  ],
  items: [
    { itemId: 'book-7', title: 'The Dispossessed', attributes: { genre: ['science fiction'], price: 12.5 } },
    { itemId: 'book-8', title: 'The Lathe of Heaven', available: false },
  ],
  users: [
    { userId: 'ada', attributes: { country: 'GB', newsletter: true } },
    { userId: 'ben', attributes: { country: 'DE', interests: ['gardening', 'chess'] } },
  ],
};

/** Describes batch bodies for OpenAPI. The app registers the schema of a record as `kind.name`. */
export function describeBodies(kind: RecordKind, { entriesMax, listField, acceptText }: BatchBodyOptions) {
  const record = { $ref: `${kind.name}#` };
  const list = { type: 'array', items: record, minItems: 1, maxItems: entriesMax };
  const [one, other] = records[kind.name];
  const json = {
    anyOf: [record, list, { type: 'object', required: [listField], properties: { [listField]: list } }],
    'x-examples': {
      one: { summary: 'One record', value: one },
      batch: { summary: 'A batch', value: [one, other] },
      named: { summary: `A batch in the field ${listField}`, value: { [listField]: [one, other] } },
    },
  };
  const lines = { type: 'string', examples: [`${JSON.stringify(one)}\n${JSON.stringify(other)}\n`] };
  return {
    content: {
      'application/json': { schema: json },
      'application/x-ndjson': { schema: { ...lines, description: 'One record per line.' } },
      ...(acceptText
        ? { 'text/plain': { schema: { ...lines, description: 'JSON or NDJSON, as navigator.sendBeacon sends it.' } } }
        : {}),
    },
  };
}

/** Returns the response to the example batch followed by a record without an id. */
export function exampleResponse(kind: RecordKind): AcceptedResponse {
  const accepted = records[kind.name].map((record, index): EntryOutcome => {
    return { status: 'accepted', index, id: String(record[kind.idField]) };
  });
  const outcomes = [...accepted, refusedAt(accepted.length, kind)];
  return { ...describeOutcomes(outcomes, kind, { isComplete: false }), stored: 'log' };
}

/** Returns the response to a record without an id. */
export function exampleRefusal(kind: RecordKind): RefusedResponse {
  return describeAllRefused(describeOutcomes([refusedAt(0, kind)], kind, { isComplete: false }));
}

function refusedAt(index: number, { idField }: RecordKind): EntryOutcome {
  return { status: 'refused', index, id: undefined, refusal: refuse(idField, 'missing') };
}
