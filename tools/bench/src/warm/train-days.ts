import { FacetConfig } from '@facet/config';
import { createStageContext, datasetStage, openModel, trainStage } from '@facet/pipeline';
import type { HomePaths } from '@facet/config';
import type { Model } from '@facet/pipeline';
import { parseWith } from '@facet/platform';

export const dayMs = 86_400_000;

/** One day of the benchmark: what a refresh after this day trains and is measured on. */
export interface Day {
  /** Epoch milliseconds: the data ends here. */
  readonly before: number;
  readonly config: FacetConfig;
}

/** The settings of a day whose test window is its last `windowDays` days and whose validation window lies before them. */
export function dayOf(before: number, windowDays: number, training: object): Day {
  const at = (windows: number): string => new Date(before - windows * windowDays * dayMs).toISOString().slice(0, 10);
  const split = { validationFrom: at(2), testFrom: at(1) };
  return { before, config: parseWith(FacetConfig, { split, training }, { source: 'npm run bench -- warm' }) };
}

export interface TrainedDay {
  readonly datasetId: string;
  readonly model: Model;
  readonly seconds: number;
  /** Of all cores: says more than seconds where other programs run, too. */
  readonly cpuSeconds: number;
  readonly examples: number;
}

/** Trains on all that has been imported, in full or from `warmFrom`. */
export async function trainDay(
  home: HomePaths,
  { config }: Day,
  options: { readonly warmFrom?: string; readonly say: (text: string) => void },
): Promise<TrainedDay> {
  const context = createStageContext(home, config);
  const { datasetId } = (await datasetStage(context)).output;
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const { warmFrom } = options;
  const { output } = await trainStage(
    context,
    { datasetId, ...(warmFrom === undefined ? {} : { warmFrom }) },
    {
      onStart: (start) => options.say(`start ${JSON.stringify(start)}`),
      onEpoch: (phase, report) => options.say(`${phase} ${JSON.stringify(report)}`),
    },
  );
  const cpu = process.cpuUsage(cpuBefore);
  const model = await openModel(context.store, output.modelId);
  const epochs = [...model.info.fit, ...model.info.refit];
  return {
    datasetId,
    model,
    seconds: (performance.now() - startedAt) / 1000,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    examples: epochs.reduce((sum, epoch) => sum + epoch.examples, 0),
  };
}
