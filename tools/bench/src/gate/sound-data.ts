import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importFiles } from '@facet/import';
import { FacetConfig, homePaths } from '@facet/config';
import { logProgress } from '@facet/local-services';
import { createStageContext, datasetStage, indexStage, openDataset, trainStage } from '@facet/pipeline';
import type { HomePaths } from '@facet/config';
import type { Dataset, StageContext } from '@facet/pipeline';
import { parseWith } from '@facet/platform';
import { retailFiles } from '../warm/retail-days.ts';

/** An imported data set with its settings. */
export interface SoundData {
  readonly name: string;
  readonly home: HomePaths;
  readonly config: FacetConfig;
}

/** Opens MovieLens 100K in `home`. `facet demo` downloads, imports and trains it on the first run. */
export async function openMovieLens(home: string): Promise<SoundData> {
  const cli = fileURLToPath(new URL('../../../../apps/cli/dist/main.js', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, cli, 'demo', '--no-serve', '--home', home], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((done, failed) => child.once('close', done).once('error', failed));
  if (code !== 0) throw new Error(`facet demo exited with ${String(code)}`);
  return { name: 'MovieLens 100K', home: homePaths(resolve(home)), config: configOf({}) };
}

/** Imports Online Retail II into `home`. The test window is its last nine days; the shop was open on eight of them. */
export async function importRetail(folder: string, home: string): Promise<SoundData> {
  const paths = homePaths(home);
  const files = { events: [join(folder, retailFiles.events)], items: [join(folder, retailFiles.items)] };
  await importFiles(files, { home: paths });
  const split = { validationFrom: '2011-11-22', testFrom: '2011-12-01' };
  return { name: 'Online Retail II', home: paths, config: configOf({ split }) };
}

function configOf(settings: object): FacetConfig {
  return parseWith(FacetConfig, settings, { source: 'npm run bench -- gate' });
}

/** A bundle and the dataset that it was built from. */
export interface PreparedBundle {
  readonly context: StageContext;
  readonly dataset: Dataset;
  readonly modelId: string;
  readonly bundleId: string;
}

/** Runs the stages up to the bundle. Skips the evaluation, which the gate reads only for an incumbent. */
export async function makeBundle(
  home: HomePaths,
  config: FacetConfig,
  until: { readonly occurredBefore?: number } = {},
): Promise<PreparedBundle> {
  const context = createStageContext(home, config);
  const { datasetId } = (await datasetStage(context, until)).output;
  const watch = { onEpoch: (phase: string, report: object) => logProgress(`${phase} ${JSON.stringify(report)}`) };
  const { modelId } = (await trainStage(context, { datasetId }, watch)).output;
  const { bundleId } = (await indexStage(context, { datasetId, modelId })).output;
  return { context, dataset: await openDataset(context.store, datasetId), modelId, bundleId };
}
