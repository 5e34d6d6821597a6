import { isAppError } from '@facet/platform';
import type { StageContext } from '../stages.ts';
import { currentModelId } from './current-model.ts';
import type { DataDay } from './data-day.ts';
import { shiftDay } from './data-day.ts';
import type { RefreshRun, RunReport } from './refresh-run.ts';

/**
 * The model that the run's training starts from: the current bundle's; undefined for a full retrain, which is due
 * `refresh.fullRetrainDays` after the last one.
 *
 * @param reports of all runs, the newest first.
 */
export async function chooseStart(
  { store, config }: StageContext,
  run: RefreshRun,
  reports: readonly RunReport[],
): Promise<string | undefined> {
  if (run.isFull || isFullRetrainDue(run.day, lastFullRetrain(reports), config.refresh.fullRetrainDays)) {
    return undefined;
  }
  try {
    return await currentModelId(store);
  } catch (error) {
    if (isAppError(error, 'ARTIFACT_NOT_FOUND') || isAppError(error, 'ARTIFACT_CORRUPT')) return undefined;
    throw error;
  }
}

/** Without any, one that was trained by hand is current: warm starts begin with it. */
function isFullRetrainDue(day: DataDay, last: DataDay | undefined, everyDays: number): boolean {
  return everyDays === 0 || (last !== undefined && day >= shiftDay(last, everyDays));
}

/** The newest day of which a model was trained in full and promoted; else the first day of which any was promoted. */
function lastFullRetrain(reports: readonly RunReport[]): DataDay | undefined {
  const promoted = reports.filter(({ state }) => state === 'promoted');
  const full = promoted.find(({ stages }) => stages.some(({ outputs }) => outputs?.start === 'full'));
  return (full ?? promoted.at(-1))?.run.day;
}
