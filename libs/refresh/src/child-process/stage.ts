import { homePaths, readFacetConfig } from '@facet/config';
import { createStageContext, executeStage } from '@facet/pipeline';
import { createRunStore } from '@facet/pipeline/runs';
import type { RefreshOutputs, StageProgress, StageResult } from '@facet/pipeline/runs';
import { serveOrder } from '@facet/platform';
import { explainFullDisk } from './run-refresh-child.ts';
import type { StageOrder } from './run-refresh-child.ts';

/** The shortest time between two progress messages. */
const progressEveryMs = 500;

serveOrder<StageOrder, StageResult<RefreshOutputs>, StageProgress>(
  async ({ home, configFile, runId, stage, outputs }, onProgress) => {
    const paths = homePaths(home);
    const context = createStageContext(paths, await readFacetConfig(configFile));
    const runs = createRunStore(paths.runsFolder);
    const { run } = await runs.read(runId);
    let sentAt = 0;
    return explainFullDisk(() =>
      executeStage(
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
      ),
    );
  },
);
