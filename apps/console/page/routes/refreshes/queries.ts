import type { Refresh } from '@facet/client/trainer-api';
import { apiQuery, trainer } from '../../api/fetch-api.ts';

export type StageName = Refresh['stages'][number]['stage'];
export type StageRecord = Refresh['stages'][number];

/** One epoch of the training curve. */
export interface Epoch {
  readonly phase: 'fit' | 'refit';
  /** K of the phase. Absent in the curves of a finished model. */
  readonly interests?: number;
  /** Absent if `interests` is. */
  readonly labels?: string;
  readonly epoch: number;
  readonly loss: number;
  readonly recall?: number;
}

/** The stages of a refresh, in order, with their colors in timelines. */
export const stageColors: Readonly<Record<StageName, string>> = {
  dataset: 'var(--series-7)',
  train: 'var(--series-1)',
  evaluate: 'var(--series-2)',
  index: 'var(--series-4)',
  gate: 'var(--series-5)',
  promote: 'var(--series-8)',
};
export const stageNames = Object.keys(stageColors) as StageName[];

/** New runs appear without a reload. Changes of the shown run arrive as events. */
export const refreshesQuery = (limit: number) =>
  apiQuery(
    ['trainer', 'refreshes', limit],
    (signal) => trainer.GET('/v1/refreshes', { params: { query: { limit: `${limit}` } }, signal }),
    { refetchInterval: 3_000 },
  );

export const refreshQuery = (runId: string) =>
  apiQuery(['trainer', 'refresh', runId], (signal) =>
    trainer.GET('/v1/refreshes/{runId}', { params: { path: { runId } }, signal }),
  );

export const scheduleQuery = apiQuery(['trainer', 'schedule'], (signal) => trainer.GET('/v1/schedule', { signal }), {
  refetchInterval: 15_000,
});

export const lineageQuery = (id: string) =>
  apiQuery(
    ['trainer', 'lineage', id],
    (signal) => trainer.GET('/v1/lineage/{id}', { params: { path: { id } }, signal }),
    {
      staleTime: 30_000,
    },
  );

export const trainingQuery = (modelId: string) =>
  apiQuery(
    ['trainer', 'training', modelId],
    (signal) => trainer.GET('/v1/models/{modelId}/training', { params: { path: { modelId } }, signal }),
    { staleTime: Infinity },
  );

export const hasEnded = ({ state }: Pick<Refresh, 'state'>): boolean => state !== 'waiting' && state !== 'running';

/** Returns the outputs of the last stage that has any. */
export const outputsOf = ({ stages }: Pick<Refresh, 'stages'>): NonNullable<StageRecord['outputs']> =>
  stages.findLast(({ outputs }) => outputs !== undefined)?.outputs ?? {};
