import { homePaths, readFacetConfig } from '@facet/config';
import { createStageContext, executeStage } from '@facet/pipeline';
import { createRunStore } from '@facet/pipeline/runs';
import { serveOrder } from './child-side.ts';
import type { StageOrder } from './messages.ts';

/** How often at most a parent is told how far a stage is. */
const progressEveryMs = 500;

serveOrder(async ({ home, configFile, runId, stage, outputs }: StageOrder, onProgress) => {
  const paths = homePaths(home);
  const context = createStageContext(paths, await readFacetConfig(configFile));
  const runs = createRunStore(paths.runsFolder);
  const { run } = await runs.read(runId);
  let toldAt = 0;
  return executeStage(
    context,
    { run, stage, outputs },
    {
      runs,
      onProgress: (progress) => {
        if (Date.now() - toldAt < progressEveryMs) return;
        toldAt = Date.now();
        onProgress(progress);
      },
    },
  );
});
