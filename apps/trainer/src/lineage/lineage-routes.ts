import type { ArtifactStore } from '@facet/artifacts';
import type { HomePaths } from '@facet/config';
import { problemResponses } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { Type } from 'typebox';
import { Lineage, Training } from './lineage-schema.ts';

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
