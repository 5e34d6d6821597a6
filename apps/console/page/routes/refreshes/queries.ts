import type { Refresh } from '@facet/client/trainer-api';
import { queryOptions } from '@tanstack/react-query';
import { dataOf, trainer } from '../../api/fetch-api.ts';

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
const runsEveryMs = 3_000;
const scheduleEveryMs = 15_000;

export const refreshesQuery = (limit: number) =>
  queryOptions({
    queryKey: ['trainer', 'refreshes', limit],
    queryFn: ({ signal }) => dataOf(trainer.GET('/v1/refreshes', { params: { query: { limit: `${limit}` } }, signal })),
    refetchInterval: runsEveryMs,
  });

export const refreshQuery = (runId: string) =>
  queryOptions({
    queryKey: ['trainer', 'refresh', runId],
    queryFn: ({ signal }) => dataOf(trainer.GET('/v1/refreshes/{runId}', { params: { path: { runId } }, signal })),
  });

export const scheduleQuery = queryOptions({
  queryKey: ['trainer', 'schedule'],
  queryFn: ({ signal }) => dataOf(trainer.GET('/v1/schedule', { signal })),
  refetchInterval: scheduleEveryMs,
});

export const lineageQuery = (id: string) =>
  queryOptions({
    queryKey: ['trainer', 'lineage', id],
    queryFn: ({ signal }) => dataOf(trainer.GET('/v1/lineage/{id}', { params: { path: { id } }, signal })),
    staleTime: 30_000,
  });

export const trainingQuery = (modelId: string) =>
  queryOptions({
    queryKey: ['trainer', 'training', modelId],
    queryFn: ({ signal }) =>
      dataOf(trainer.GET('/v1/models/{modelId}/training', { params: { path: { modelId } }, signal })),
    staleTime: Infinity,
  });

export const hasEnded = ({ state }: Pick<Refresh, 'state'>): boolean => state !== 'waiting' && state !== 'running';

/** Returns the outputs of the last stage that has any. */
export const outputsOf = ({ stages }: Pick<Refresh, 'stages'>): NonNullable<StageRecord['outputs']> =>
  stages.findLast(({ outputs }) => outputs !== undefined)?.outputs ?? {};
