import type { StageProgress as Told } from '@facet/pipeline/runs';
import type { StageProgress } from './progress.ts';
import { formatCount, formatDuration } from './text.ts';

/** Draws how far a stage says that it is, with its pace where it has one. */
export function showProgress(stage: StageProgress, { share, detail, examplesPerSecond, etaSeconds }: Told): void {
  const pace = examplesPerSecond === undefined ? '' : `, ${formatCount(Math.round(examplesPerSecond))} examples/s`;
  const left = etaSeconds === undefined ? '' : `, at most ${formatDuration(etaSeconds * 1000)} left`;
  stage.update(share, `${detail}${pace}${left}`);
}
