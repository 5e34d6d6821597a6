import { Problem } from '@facet/http';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { ingestProblems } from '../ingest-problems.ts';
import { adviseOn } from './refusal-advice.ts';
import type { EntryOutcome } from './take-batch.ts';
import type { RecordKind } from './record-kind.ts';

const Result = Type.Object({
  index: Type.Integer({ minimum: 0, description: 'The place of the record in the request.' }),
  eventId: Type.Optional(Type.String()),
  itemId: Type.Optional(Type.String()),
  userId: Type.Optional(Type.String()),
  status: Type.Union([Type.Literal('accepted'), Type.Literal('duplicate'), Type.Literal('refused')]),
  field: Type.Optional(Type.String({ description: 'The field at fault; empty for the whole record.' })),
  reason: Type.Optional(Type.String({ description: 'Stable; test this, not the message.' })),
  message: Type.Optional(Type.String({ description: 'What to do about it.' })),
});

const counts = {
  accepted: Type.Integer({ description: 'Records that are safe now.' }),
  duplicates: Type.Integer({ description: 'Events with the id of an earlier one of the same request.' }),
  refused: Type.Integer({ description: 'Records that never will be taken as they are.' }),
  results: Type.Array(Result, {
    description: 'The records that were not accepted, in the order of the request; all of them with ?results=all.',
  }),
};

/** At least one record was accepted, and is safe. */
export const BatchAnswer = Type.Object(
  {
    ...counts,
    stored: Type.Union([Type.Literal('log'), Type.Literal('spool')], {
      description: 'log: Kafka has them. spool: they are on the disk of the collector, which sends them on by itself.',
    }),
  },
  { title: 'BatchAnswer', description: 'Where the accepted records are safe, and why others were not accepted.' },
);
export type BatchAnswer = Static<typeof BatchAnswer>;

/** Nothing was accepted. */
export const RefusedAnswer = Type.Object(
  { ...Problem.properties, ...Type.Partial(Type.Object(counts)).properties },
  { title: 'RefusedAnswer', description: 'ALL_REFUSED with the counts and results, or another problem without them.' },
);
export type RefusedAnswer = Static<typeof RefusedAnswer>;

type Counted = Pick<BatchAnswer, 'accepted' | 'duplicates' | 'refused' | 'results'>;

/** @param options.isComplete whether accepted records are among the results, too. */
export function describeOutcomes(
  outcomes: readonly EntryOutcome[],
  { idField }: RecordKind,
  { isComplete }: { readonly isComplete: boolean },
): Counted {
  const counted = { accepted: 0, duplicates: 0, refused: 0 };
  const results: BatchAnswer['results'] = [];
  for (const outcome of outcomes) {
    const { status, index, id } = outcome;
    counted[status === 'duplicate' ? 'duplicates' : status]++;
    const named = { index, ...(id === undefined ? {} : { [idField]: id }), status };
    if (outcome.status === 'refused') {
      const { field, reason } = outcome.refusal;
      results.push({ ...named, field, reason, message: adviseOn(outcome.refusal) });
    } else if (isComplete || status === 'duplicate') {
      results.push(named);
    }
  }
  return { ...counted, results };
}

/** The answer to a request of which nothing was accepted. */
export function describeAllRefused(counted: Counted): RefusedAnswer {
  const { ALL_REFUSED } = ingestProblems.catalog;
  const [first] = counted.results;
  return {
    statusCode: ALL_REFUSED?.status ?? 400,
    code: 'ALL_REFUSED',
    message: `No record of the request can be taken. ${first?.message ?? ''}`.trim(),
    ...(ALL_REFUSED?.remedy === undefined ? {} : { remedy: ALL_REFUSED.remedy }),
    ...counted,
  };
}
