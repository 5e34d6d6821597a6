import type { FacetConfig } from '@facet/config';
import type { RefreshStage } from '@facet/pipeline/runs';
import { AppError, hourMs, minuteMs } from '@facet/platform';

export interface StageWatchdog {
  /** Aborted with `REFRESH_STAGE_TIMED_OUT` when the stage takes too long or reports no progress for too long. */
  readonly signal: AbortSignal;
  /** Notes that the stage has reported progress. */
  onProgress(): void;
  stop(): void;
}

/** Starts to watch the execution of a stage. */
export function watchStage(
  stage: RefreshStage,
  { stageHoursMax, silentMinutesMax }: Pick<FacetConfig['refresh'], 'stageHoursMax' | 'silentMinutesMax'>,
): StageWatchdog {
  const timingOut = new AbortController();
  const abort = (what: string, setting: string): void =>
    timingOut.abort(
      new AppError(`The stage ${stage} ${what}.`, {
        code: 'REFRESH_STAGE_TIMED_OUT',
        category: 'unavailable',
        remedy: `If it only needs more time, raise refresh.${setting} in facet.yaml.`,
        retryable: true,
      }),
    );
  const total = setTimeout(abort, stageHoursMax * hourMs, `was not finished after ${stageHoursMax} h`, 'stageHoursMax');
  const silent = setTimeout(
    abort,
    silentMinutesMax * minuteMs,
    `reported no progress for ${silentMinutesMax} min`,
    'silentMinutesMax',
  );
  return {
    signal: timingOut.signal,
    onProgress: () => void silent.refresh(),
    stop() {
      clearTimeout(total);
      clearTimeout(silent);
    },
  };
}
