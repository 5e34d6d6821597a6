// Separate from trace-lineage.ts, which loads Faiss.
import type { FitLabels } from '@facet/model';
import { epochMs } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

const Time = epochMs('Epoch milliseconds.');
const artifact = {
  id: Type.String(),
  isGone: Type.Boolean({ description: 'Whether the artifact was deleted.' }),
};
const orNull = <Schema extends ReturnType<typeof Type.Object>>(schema: Schema, description: string) =>
  Type.Union([schema, Type.Null()], { description });

/** The validation score of a fit, with its K and labels. The score is 0 if the fit diverged. */
export const FitScore = Type.Object({
  interests: Type.Integer(),
  labels: Type.Unsafe<FitLabels>(Type.String()),
  score: Type.Number(),
  severalGain: Type.Optional(
    Type.Object(
      { mean: Type.Number(), low: Type.Number(), high: Type.Number() },
      {
        description:
          'Of a fit with one interest: the score of several interests minus this one, with its 95 % interval, paired by user.',
      },
    ),
  ),
});
export type FitScore = Static<typeof FitScore>;

/** K and labels of a model as the API returns them. */
export const fitChoice = {
  interests: Type.Integer({ description: 'K: the largest number of interests that the model infers.' }),
  labels: Type.Unsafe<FitLabels>(
    Type.String({
      description: 'The labels that the model was trained with: `next`, `moment`, `share` or `window`.',
    }),
  ),
  fitScores: Type.Optional(
    Type.Array(FitScore, {
      description: 'Validation Recall@50 of each compared fit. Absent if the training made only one fit.',
    }),
  ),
};

/** The origin of an artifact. A part is `null` if it is unknown, and `isGone` if it is known and deleted. */
export const Lineage = Type.Object(
  {
    bundle: orNull(
      Type.Object({
        ...artifact,
        asOf: Type.Optional(epochMs('The end of its data, epoch milliseconds.')),
        promotions: Type.Array(
          Type.Object({
            number: Type.Integer(),
            kind: Type.String({ description: '`promote` or `rollback`.' }),
            at: Time,
            by: Type.String(),
            reason: Type.Optional(Type.String()),
            run: Type.Optional(Type.Object({ runId: Type.String(), day: Type.String() })),
          }),
          { description: 'When the bundle became current, oldest first.' },
        ),
      }),
      'Null for the lineage of a model or dataset.',
    ),
    model: orNull(
      Type.Object({
        ...artifact,
        startedFrom: Type.Optional(
          Type.Union([Type.String(), Type.Null()], { description: 'The model of a warm start.' }),
        ),
        ...Type.Partial(Type.Object(fitChoice)).properties,
      }),
      'Null if unknown.',
    ),
    dataset: orNull(
      Type.Object({
        ...artifact,
        window: Type.Optional(Type.Object({ occurredBefore: Time, receivedBefore: Time, testFrom: Time })),
        counts: Type.Optional(Type.Record(Type.String(), Type.Number())),
        acceptedBadData: Type.Optional(
          Type.Object(
            { runId: Type.String(), reason: Type.String(), days: Type.Immutable(Type.Array(Type.String())) },
            { description: 'The run that accepted bad days, why, and the days with their reasons.' },
          ),
        ),
      }),
      'Null if unknown.',
    ),
    lake: orNull(
      Type.Object({
        version: Type.Integer({ description: 'The number of the record in the transaction log.' }),
        offsets: Type.Record(Type.String(), Type.Integer(), { description: 'The first unread offset by source.' }),
        files: Type.Array(
          Type.Object({
            path: Type.String(),
            sha256: Type.String(),
            rows: Type.Integer(),
            isGone: Type.Boolean({ description: 'Whether a compaction or an erasure has replaced the file.' }),
          }),
        ),
        catalog: Type.Array(Type.Object({ path: Type.String(), sha256: Type.String() })),
      }),
      'Null if the dataset is unknown or deleted.',
    ),
  },
  {
    title: 'Lineage',
    description: 'The origin of an artifact.',
    examples: [
      {
        bundle: { id: 'eb342103ec0057bad650138446eee7d9', isGone: true, promotions: [] },
        model: null,
        dataset: null,
        lake: null,
      },
    ],
  },
);
export type Lineage = Static<typeof Lineage>;
