import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readSafetensors } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import { homePaths } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import { pytorchPython } from '@facet/local-services';
import { temporaryFolder } from '@facet/testing';
import { beforeAll, expect, it } from 'vitest';
import { createStageContext, exportTraining, importTraining, indexStage, openModel, putDataset } from '@facet/stages';
import type { StageContext } from '@facet/stages';
import { putThemedDataset, shopConfig, shopDataset, smallModel, themedConfig } from '@facet/stages/testing';
import { gateStage } from '../src/gate-stage.ts';

const script = fileURLToPath(new URL('../../../tools/external-trainer/train.py', import.meta.url));
/** Without random choices in parts of batches, several processes do the same as one, up to rounding. */
function configOf(batchSize: number, training: object = {}): FacetConfig {
  return shopConfig({
    split: { validationFrom: '2026-02-14', testFrom: '2026-02-22' },
    model: { ...smallModel, popularityPrior: false, dropout: 0 },
    training: { labels: 'next', examplesPerUser: 0, batchSize, epochs: 3, ...training },
  });
}

let python: string;

beforeAll(async () => {
  python = await pytorchPython();
}, 1_800_000);

interface Trained {
  readonly losses: readonly number[];
  readonly weights: Readonly<Record<string, { readonly data: Float32Array }>>;
}

async function prepare(
  config: FacetConfig,
  put = (store: ArtifactStore): Promise<{ readonly id: string }> => putDataset(store, shopDataset(undefined, config)),
): Promise<{ readonly context: StageContext; readonly folder: string }> {
  const context = createStageContext(homePaths(await temporaryFolder()), config);
  const { id } = await put(context.store);
  const folder = join(await temporaryFolder(), 'training');
  await exportTraining(context, id, folder);
  return { context, folder };
}

/** Returns a batch size with which the last batch has one example, so that only the first process has an example. */
async function sizeWithLastOfOne(): Promise<number> {
  const { folder } = await prepare(configOf(32));
  const { tensors } = await readSafetensors(join(folder, 'data.safetensors'));
  const examples = tensors['examples/user']!.shape[0]!;
  let size = 16;
  while (examples % size !== 1) size++;
  // The loss of an epoch is the mean over its batches. With few batches, the last batch with one example would dominate it.
  expect(examples / size).toBeGreaterThan(10);
  return size;
}

/** Trains in this many processes and imports the model. @param denseRowsMax tables with more rows are sharded */
async function train(
  processes: number,
  batchSize: number,
  denseRowsMax: number,
  training: object = {},
): Promise<Trained> {
  const { context, folder } = await prepare(configOf(batchSize, training));
  const path = join(folder, 'training.json');
  const info = JSON.parse(await readFile(path, 'utf8')) as { limits: object };
  await writeFile(path, JSON.stringify({ ...info, limits: { ...info.limits, denseRowsMax } }));
  const launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', String(processes)];
  const args = [...(processes === 1 ? [] : launcher), script, folder, '--threads', '1'];
  await promisify(execFile)(python, args);
  const { modelId } = await importTraining(context, folder);
  const { info: model, weights } = await openModel(context.store, modelId);
  return { losses: model.refit!.map(({ loss }) => loss), weights };
}

it.each([
  [2, 'whole', 1_000],
  [3, 'sharded', 5],
])('%i processes train the model of one, with %s tables', async (processes, _, denseRowsMax) => {
  const batchSize = await sizeWithLastOfOne();
  const one = await train(1, batchSize, denseRowsMax);
  const several = await train(processes, batchSize, denseRowsMax);
  expect(one.losses).toHaveLength(3);
  expect(one.losses[2]).toBeLessThan(one.losses[0]!);
  for (const [epoch, loss] of several.losses.entries()) expect(loss).toBeCloseTo(one.losses[epoch]!, 3);
  for (const [name, { data }] of Object.entries(several.weights)) {
    const expected = one.weights[name]!.data;
    const distance = Math.hypot(...data.map((value, cell) => value - expected[cell]!));
    expect(distance / Math.max(1, Math.hypot(...expected)), name).toBeLessThan(0.01);
  }
});

it('averages the weights, which does not change the steps', async () => {
  const [averaged, newest] = [await train(1, 64, 1_000), await train(1, 64, 1_000, { averageEpochs: 0 })];
  expect(averaged.losses).toEqual(newest.losses);
  const distances = Object.entries(averaged.weights).map(([name, { data }]) =>
    Math.hypot(...data.map((value, cell) => value - newest.weights[name]!.data[cell]!)),
  );
  expect(Math.max(...distances)).toBeGreaterThan(0.01);
});

it('trains a model whose bundle passes the gate', async () => {
  const { model } = themedConfig();
  const config = themedConfig({
    model: { ...model, popularityPrior: false },
    training: { labels: 'next', batchSize: 64, epochs: 15 },
  });
  const { context, folder } = await prepare(config, (store) => putThemedDataset(store, 30));
  await promisify(execFile)(python, [script, folder, '--threads', '1']);
  const ids = await importTraining(context, folder);
  const { bundleId } = (await indexStage(context, ids)).output;
  const { datasetId } = ids;
  expect((await gateStage(context, { datasetId, bundleId })).output).toMatchObject({ reasons: [], verdict: 'pass' });
});
