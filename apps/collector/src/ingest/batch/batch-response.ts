import { Problem } from '@facet/http';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { ingestProblems } from '../ingest-services.ts';
import type { EntryOutcome } from './process-batch.ts';
import type { RecordKind } from './record-kind.ts';
import { describeRefusal } from './describe-refusal.ts';

const Result = Type.Object({
  index: Type.Integer({ minimum: 0, description: 'The position of the record in the request.' }),
  eventId: Type.Optional(Type.String()),
  itemId: Type.Optional(Type.String()),
  userId: Type.Optional(Type.String()),
  status: Type.Union([Type.Literal('accepted'), Type.Literal('duplicate'), Type.Literal('refused')]),
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
export const BatchResponse = Type.Object(
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
  { title: 'BatchResponse', description: 'Where the accepted records are stored, and why others were refused.' },
);
export type BatchResponse = Static<typeof BatchResponse>;

/** No record was accepted. */
export const RefusedResponse = Type.Object(
  { ...Problem.properties, ...Type.Partial(Type.Object(counts)).properties },
  { title: 'RefusedResponse', description: 'ALL_REFUSED with counts and results, or another problem without them.' },
);
export type RefusedResponse = Static<typeof RefusedResponse>;

type Counted = Pick<BatchResponse, 'accepted' | 'duplicates' | 'refused' | 'results'>;

/** @param options.isComplete whether the results include accepted records. */
export function describeOutcomes(
  outcomes: readonly EntryOutcome[],
  { idField }: RecordKind,
  { isComplete }: { readonly isComplete: boolean },
): Counted {
  const counted = { accepted: 0, duplicates: 0, refused: 0 };
  const results: BatchResponse['results'] = [];
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
  const { ALL_REFUSED } = ingestProblems.catalog;
  const [first] = counted.results;
  return {
    statusCode: ALL_REFUSED?.status ?? 400,
    code: 'ALL_REFUSED',
    message: `All records of the request were refused. ${first?.message ?? ''}`.trim(),
    remedy: ALL_REFUSED?.remedy,
    ...counted,
  };
}
