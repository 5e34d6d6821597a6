import { refuse } from '@facet/schemas';
import type { BatchBodyOptions } from './batch-body.ts';
import { describeAllRefused, describeOutcomes } from './batch-response.ts';
import type { BatchResponse, RefusedResponse } from './batch-response.ts';
import type { EntryOutcome } from './process-batch.ts';
import type { RecordKind } from './record-kind.ts';

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
export function exampleResponse(kind: RecordKind): BatchResponse {
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
