import { FacetConfig } from '@facet/config';
import { logProgress } from '@facet/local-services';
import { createStageContext, datasetStage, openModel, trainStage } from '@facet/pipeline';
import type { HomePaths } from '@facet/config';
import type { Model } from '@facet/pipeline';
import { dayMs, parseWith } from '@facet/platform';
import { cpuTimeMs } from '../figures.ts';

/** The data and the settings of one refresh. */
export interface Day {
  /** End of the data in epoch milliseconds. */
  readonly before: number;
  readonly config: FacetConfig;
}

/** Returns the day whose test window is its last `windowDays` days. The validation window precedes the test window. */
export function dayOf(before: number, windowDays: number, training: object): Day {
  const at = (windows: number): string => new Date(before - windows * windowDays * dayMs).toISOString().slice(0, 10);
  const split = { validationFrom: at(2), testFrom: at(1) };
  return { before, config: parseWith(FacetConfig, { split, training }, { source: 'npm run bench -- warm' }) };
}

export interface TrainedDay {
  readonly datasetId: string;
  readonly model: Model;
  readonly seconds: number;
  /** Of all cores. More reliable than `seconds` on a busy machine. */
  readonly cpuSeconds: number;
  readonly examples: number;
}

/** Trains on all imported events, in full or from the model `warmFrom`. */
export async function trainDay(home: HomePaths, { config }: Day, warmFrom?: string): Promise<TrainedDay> {
  const context = createStageContext(home, config);
  const { datasetId } = (await datasetStage(context)).output;
  const startedAt = performance.now();
  const cpuBefore = cpuTimeMs();
  const { output } = await trainStage(
    context,
    { datasetId, warmFrom },
    {
      onStart: (start) => logProgress(`start ${JSON.stringify(start)}`),
      onEpoch: (phase, report) => logProgress(`${phase} ${JSON.stringify(report)}`),
    },
  );
  const cpuSeconds = (cpuTimeMs() - cpuBefore) / 1_000;
  const model = await openModel(context.store, output.modelId);
  const epochs = [...model.info.fit, ...model.info.refit];
  return {
    datasetId,
    model,
    seconds: (performance.now() - startedAt) / 1000,
    cpuSeconds,
    examples: epochs.reduce((sum, epoch) => sum + epoch.examples, 0),
  };
}
