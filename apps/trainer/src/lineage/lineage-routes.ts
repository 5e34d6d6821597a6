import type { ArtifactStore } from '@facet/artifacts';
import type { HomePaths } from '@facet/config';
import { problemResponses } from '@facet/http';
import type { HttpApp } from '@facet/http';
import type { Lineage as TracedLineage } from '@facet/pipeline/lineage';
import { epochMs } from '@facet/platform';
import { Type } from 'typebox';

const Time = epochMs('Epoch milliseconds.');
const artifact = {
  id: Type.String(),
  isGone: Type.Boolean({ description: 'Whether the artifact was deleted.' }),
};
const orNull = <Schema extends ReturnType<typeof Type.Object>>(schema: Schema, description: string) =>
  Type.Union([schema, Type.Null()], { description });

const exampleId = 'eb342103ec0057bad650138446eee7d9';

const interests = Type.Integer({ description: 'K: the largest number of interests that the model infers.' });
const labels = Type.String({
  description: 'The labels that the model was trained with: `next`, `moment`, `share` or `window`.',
});
const fitScores = Type.Optional(
  Type.Array(Type.Object({ interests: Type.Integer(), labels: Type.String(), score: Type.Number() }), {
    description: 'Validation Recall@50 of each compared fit. Absent if the training made only one fit.',
  }),
);

/** The origin of an artifact as the API returns it. */
const Lineage = Type.Unsafe<TracedLineage>(
  Type.Object(
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
          interests: Type.Optional(interests),
          labels: Type.Optional(labels),
          fitScores,
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
              { runId: Type.String(), reason: Type.String(), days: Type.Array(Type.String()) },
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
      examples: [{ bundle: { id: exampleId, isGone: true, promotions: [] }, model: null, dataset: null, lake: null }],
    },
  ),
);

const Training = Type.Object(
  {
    modelId: Type.String(),
    start: Type.Union([Type.Literal('full'), Type.Literal('warm')]),
    startedFrom: Type.Union([Type.String(), Type.Null()], { description: 'The model of a warm start.' }),
    interests,
    labels,
    fitScores,
    bestEpoch: Type.Integer({ description: 'The epoch of the fit with the best recall.' }),
    epochs: Type.Array(
      Type.Object({
        phase: Type.Union([Type.Literal('fit'), Type.Literal('refit')]),
        epoch: Type.Integer(),
        loss: Type.Number({ description: 'The mean loss of its batches.' }),
        recall: Type.Optional(Type.Number({ description: 'Recall@50 in the validation window; absent in a refit.' })),
        examples: Type.Integer(),
      }),
    ),
  },
  {
    title: 'Training',
    description: 'The training curves of a model, and the scores that chose its number of interests and its labels.',
    examples: [
      {
        modelId: exampleId,
        start: 'full',
        startedFrom: null,
        interests: 4,
        labels: 'window',
        fitScores: [
          { interests: 4, labels: 'window', score: 0.21 },
          { interests: 4, labels: 'share', score: 0.201 },
          { interests: 1, labels: 'window', score: 0.198 },
        ],
        bestEpoch: 1,
        epochs: [{ phase: 'fit', epoch: 1, loss: 6.31, recall: 0.21, examples: 90_213 }],
      },
    ],
  },
);

export interface LineageDeps {
  readonly home: HomePaths;
  readonly store: ArtifactStore;
}

/** The pattern rejects ids that cannot name a folder of the artifact store. */
const id = Type.String({ pattern: '^[0-9a-f]{32}$', examples: ['eb342103ec0057bad650138446eee7d9'] });

/** Loads Faiss, which the trainer does not need for anything else. */
const loadLineage = () => import('@facet/pipeline/lineage');

/** Adds the routes that trace artifacts back to the lake, and show how a model was trained. */
export function addLineageRoutes(app: HttpApp, { home, store }: LineageDeps): void {
  app.get(
    '/v1/lineage/:id',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'traceLineage',
        summary: 'Trace a bundle, model or dataset back to the files and offsets of the lake',
        tags: ['lineage'],
        params: Type.Object({ id }),
        response: { 200: Lineage, ...problemResponses },
      },
    },
    async ({ params }) => {
      const { traceLineage } = await loadLineage();
      return traceLineage(params.id, { home, store });
    },
  );

  app.get(
    '/v1/models/:modelId/training',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'readTraining',
        summary: 'Read the training curves of a model',
        tags: ['lineage'],
        params: Type.Object({ modelId: id }),
        response: { 200: Training, ...problemResponses },
      },
    },
    async ({ params: { modelId } }) => {
      const { fitChoiceOf, readModelInfo } = await loadLineage();
      const info = await readModelInfo(store, modelId);
      const { fit, refit, bestEpoch, start } = info;
      const curveOf = (phase: 'fit' | 'refit', epochs: typeof fit) =>
        epochs.map(({ epoch, loss, score, examples }) => ({ phase, epoch, loss, recall: score, examples }));
      return {
        modelId,
        start: start.kind,
        startedFrom: start.kind === 'warm' ? start.modelId : null,
        ...fitChoiceOf(info),
        bestEpoch,
        epochs: [...curveOf('fit', fit), ...curveOf('refit', refit)],
      };
    },
  );
}
