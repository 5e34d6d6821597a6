import type { Refresh, Training } from '@facet/client/trainer-api';
import { trainerQuery } from '../../api/fetch-api.ts';

export type StageName = Refresh['stages'][number]['stage'];
export type StageRecord = Refresh['stages'][number];

/** One epoch of the training curve. The curves of a finished model have neither K nor labels. */
export type Epoch = Training['epochs'][number] & { readonly interests?: number; readonly labels?: string };

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
  trainerQuery('/v1/refreshes', { query: { limit: `${limit}` } }, { refetchInterval: 3_000 });

export const refreshQuery = (runId: string) => trainerQuery('/v1/refreshes/{runId}', { path: { runId } });

export const scheduleQuery = trainerQuery('/v1/schedule', {}, { refetchInterval: 15_000 });

export const lineageQuery = (id: string) => trainerQuery('/v1/lineage/{id}', { path: { id } }, { staleTime: 30_000 });

export const trainingQuery = (modelId: string) =>
  trainerQuery('/v1/models/{modelId}/training', { path: { modelId } }, { staleTime: Infinity });

export const hasEnded = ({ state }: Pick<Refresh, 'state'>): boolean => state !== 'waiting' && state !== 'running';

/** Returns the outputs of the last stage that has any. */
export const outputsOf = ({ stages }: Pick<Refresh, 'stages'>): NonNullable<StageRecord['outputs']> =>
  stages.findLast(({ outputs }) => outputs !== undefined)?.outputs ?? {};
