import type { ArtifactStore, PromotionRecord } from '@facet/artifacts';
import { AppError, isAppError } from '@facet/platform';
import type { RunStore } from './run-store.ts';
import { hasEnded } from './run.ts';
import type { RunReport } from './run.ts';

/**
 * Cancels a run, unless it has ended. The promotion log records the cancellation first: the run can then neither promote nor
 * fence its day, although its stage may take seconds to stop. So a request for the day may create the next run immediately.
 *
 * @throws AppError `REFRESH_RUN_UNKNOWN`.
 */
export async function cancelRun(
  { runs, store }: { readonly runs: RunStore; readonly store: Pick<ArtifactStore, 'cancel'> },
  runId: string,
  { by, reason }: { readonly by?: string | undefined; readonly reason: string },
): Promise<RunReport> {
  const report = await runs.read(runId);
  if (hasEnded(report)) return report;
  const record = await store.cancel({ runId, day: report.run.day }, { by, reason });
  // The process that promoted has not recorded it yet.
  if (record.kind === 'promote') return { ...(await runs.read(runId)), state: 'promoted' };
  return runs.cancel(runId, record.reason ?? reason);
}

/**
 * Copies cancellations of a day from the promotion log to the run store.
 *
 * @param promotions all records of the promotion log
 */
export async function recordCancellations(
  runs: Pick<RunStore, 'cancel'>,
  promotions: readonly PromotionRecord[],
  day: string,
): Promise<void> {
  for (const { kind, run, reason } of promotions) {
    if (kind !== 'cancel' || run?.day !== day) continue;
    await runs.cancel(run.runId, reason ?? 'see the promotion log').catch((error: unknown) => {
      // The store has lost the run, or its request.
      if (!isAppError(error, 'REFRESH_RUN_UNKNOWN') && !isAppError(error, 'REFRESH_RUN_DAMAGED')) throw error;
    });
  }
}

/** How often to check whether a run was canceled. */
const pollEveryMs = 500;

/** Aborts the signal with `REFRESH_CANCELLED` when the run is canceled. */
export function watchCancellation(
  runs: RunStore,
  runId: string,
): { readonly signal: AbortSignal; readonly stop: () => void } {
  const cancelling = new AbortController();
  const polling = setInterval(() => void abortIfCancelled(runs, runId, cancelling), pollEveryMs);
  return { signal: cancelling.signal, stop: () => clearInterval(polling) };
}

async function abortIfCancelled(runs: RunStore, runId: string, cancelling: AbortController): Promise<void> {
  if (!(await runs.isCancelled(runId).catch(() => false))) return;
  // The caller does not await this, so a read error must not become an unhandled rejection.
  const reason = await runs.read(runId).then(
    (report) => report.reason,
    () => undefined,
  );
  const message = `cancelled: ${reason ?? 'see facet runs'}`;
  cancelling.abort(new AppError(message, { code: 'REFRESH_CANCELLED', category: 'conflict' }));
}
