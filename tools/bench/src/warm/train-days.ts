import { FacetConfig } from '@facet/config';
import { logProgress } from '@facet/local-services';
import { createStageContext, datasetStage, openModel, trainStage } from '@facet/pipeline';
import type { HomePaths } from '@facet/config';
import type { Model } from '@facet/pipeline';
import { dayMs, parseWith } from '@facet/platform';
import { timed } from '../figures.ts';
import type { Effort } from '../figures.ts';

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

export interface TrainedDay extends Effort {
  readonly datasetId: string;
  readonly model: Model;
}

/** Trains on all imported events, in full or from the model `warmFrom`. */
export async function trainDay(home: HomePaths, { config }: Day, warmFrom?: string): Promise<TrainedDay> {
  const context = createStageContext(home, config);
  const { datasetId } = (await datasetStage(context)).output;
  const watch = {
    onStart: (start: object) => logProgress(`start ${JSON.stringify(start)}`),
    onEpoch: (phase: string, report: object) => logProgress(`${phase} ${JSON.stringify(report)}`),
  };
  const { result, ...effort } = await timed(() => trainStage(context, { datasetId, warmFrom }, watch));
  return { datasetId, model: await openModel(context.store, result.output.modelId), ...effort };
}
