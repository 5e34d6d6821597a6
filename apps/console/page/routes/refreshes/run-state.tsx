import type { Refresh } from '@facet/client/trainer-api';
import type { StageName } from './queries.ts';

const tones: Readonly<Record<Refresh['state'], string>> = {
  waiting: '',
  running: 'accent',
  promoted: 'good',
  rejected: 'warning',
  skipped: '',
  failed: 'bad',
  cancelled: '',
};

export function RunState({ state }: Pick<Refresh, 'state'>) {
  return <span className={`badge ${tones[state]}`}>{state === 'cancelled' ? 'canceled' : state}</span>;
}

/** The color of a stage in timelines. */
export const stageColors: Readonly<Record<StageName, string>> = {
  dataset: 'var(--series-7)',
  train: 'var(--series-1)',
  evaluate: 'var(--series-2)',
  index: 'var(--series-4)',
  gate: 'var(--series-5)',
  promote: 'var(--series-8)',
};
