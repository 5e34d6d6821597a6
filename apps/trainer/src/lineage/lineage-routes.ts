import { artifactIdPattern } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import type { HomePaths } from '@facet/config';
import { artifactErrors, describeRoutes, lakeErrors } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { fitChoice, Lineage } from '@facet/runs';
import { Type } from 'typebox';

const exampleId = 'eb342103ec0057bad650138446eee7d9';

const Training = Type.Object(
  {
    modelId: Type.String(),
    start: Type.Union([Type.Literal('full'), Type.Literal('warm')]),
    startedFrom: Type.Union([Type.String(), Type.Null()], { description: 'The model of a warm start.' }),
    ...fitChoice,
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
const id = Type.String({ pattern: artifactIdPattern, examples: [exampleId] });

/** Loads Faiss, which the trainer does not need for anything else. */
const loadLineage = () => import('@facet/refresh/execution');

/** Adds the routes that trace artifacts back to the lake, and show how a model was trained. */
export function addLineageRoutes(app: HttpApp, { home, store }: LineageDeps): void {
  const describe = describeRoutes({
    scope: 'read',
    tag: 'lineage',
    errors: { ...artifactErrors, ARTIFACT_NOT_FOUND: { status: 404 } },
  });
  app.get(
    '/v1/lineage/:id',
    describe({
      operationId: 'traceLineage',
      errors: lakeErrors,
      summary: 'Trace a bundle, model or dataset back to the files and offsets of the lake',
      params: Type.Object({ id }),
      response: Lineage,
    }),
    async ({ params }) => {
      const { traceLineage } = await loadLineage();
      return traceLineage(params.id, { home, store });
    },
  );

  app.get(
    '/v1/models/:modelId/training',
    describe({
      operationId: 'readTraining',
      errors: { MODEL_OUTDATED: { status: 409 } },
      summary: 'Read the training curves of a model',
      params: Type.Object({ modelId: id }),
      response: Training,
    }),
    async ({ params: { modelId } }) => {
      const { fitChoiceOf, readModelInfo } = await import('@facet/stages');
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
