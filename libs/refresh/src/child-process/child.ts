/* The entry of the process that `run-child.ts` starts. */
import { homePaths, readFacetConfig } from '@facet/config';
import { createStageContext, publishDelta } from '@facet/stages';
import { executeStage } from '../execution/execute-run.ts';
import type { DeltaResult } from '@facet/stages';
import type { StageResult, RefreshOutputs, StageProgress } from '@facet/runs';
import { createRunStore } from '@facet/runs';
import { AppError, serveOrder } from '@facet/platform';
import type { ChildOrder } from './run-child.ts';

/** The shortest time between two progress messages. */
const progressEveryMs = 500;

serveOrder<ChildOrder, StageResult<RefreshOutputs> | DeltaResult | null, StageProgress>(
  async ({ home, configFile, task }, onProgress) => {
    const paths = homePaths(home);
    const context = createStageContext(paths, await readFacetConfig(configFile));
    let sentAt = 0;
    try {
      if (task === undefined) return (await publishDelta(context)) ?? null;
      const { runId, stage, outputs } = task;
      const runs = createRunStore(paths.runsFolder);
      const { run } = await runs.read(runId);
      return await executeStage(
        context,
        { run, stage, outputs },
        {
          runs,
          onProgress: (progress) => {
            if (Date.now() - sentAt < progressEveryMs) return;
            sentAt = Date.now();
            onProgress(progress);
          },
        },
      );
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? diskFull(error as Error) : error;
    }
  },
);

function diskFull(cause: Error): AppError {
  return new AppError(cause.message, {
    code: 'REFRESH_DISK_FULL',
    category: 'unavailable',
    remedy: 'Free some disk space. Finished stages are kept.',
    retryable: true,
    cause,
  });
}
