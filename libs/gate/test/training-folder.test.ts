import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore, readSafetensors, writeSafetensors } from '@facet/artifacts';
import type { SafeTensor } from '@facet/artifacts';
import { goldenBehaviors, readWeights, recordGoldenVector } from '@facet/bundles';
import type { GoldenVector } from '@facet/bundles';
import { homePaths, resolveModel } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import { createInferenceEngine } from '@facet/model';
import type { ModelSpec } from '@facet/model';
import { temporaryFolder } from '@facet/testing';
import { expect, it } from 'vitest';
import {
  createStageContext,
  embedCatalog,
  exportTraining,
  importTraining,
  indexStage,
  openModel,
  putDataset,
} from '@facet/stages';
import { planStart } from '@facet/stages/training';
import { shopConfig, shopDataset, testFrom } from '@facet/stages/testing';
import { gateStage } from '../src/gate-stage.ts';

const dataset = shopDataset();

async function prepare(config: FacetConfig = shopConfig()) {
  const home = homePaths(await temporaryFolder());
  const store = createFolderArtifactStore(home.artifactsFolder);
  const { id } = await putDataset(store, dataset);
  const context = createStageContext(home, config);
  const folder = join(await temporaryFolder(), 'training');
  await exportTraining(context, id, folder);
  return { context, id, folder };
}

/** Stands for another program: changes every weight, and computes the golden vectors. */
async function train(folder: string): Promise<void> {
  const weights = await readWeights(join(folder, 'initial.safetensors'));
  for (const { data } of Object.values(weights)) data.forEach((value, cell) => (data[cell] = 0.9 * value + 0.01));
  const { spec } = await readJson<{ spec: ModelSpec }>(folder, 'training.json');
  const engine = createInferenceEngine(spec, weights, embedCatalog(spec, weights, dataset));
  const golden = await readJson<GoldenVector[]>(folder, 'golden.json');
  const filled = golden.map((input) =>
    recordGoldenVector(engine, goldenBehaviors(input), input.profile, input.userRow),
  );
  await writeJson(folder, 'golden.json', filled);
  await writeJson(folder, 'result.json', { program: 'test 1', epochs: [{ loss: 3, examples: 90 }] });
  const tensors = Object.entries(weights).map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }]);
  await writeSafetensors(
    join(folder, 'weights.safetensors'),
    Object.fromEntries(tensors) as Record<string, SafeTensor>,
  );
}

async function readJson<Value>(folder: string, file: string): Promise<Value> {
  return JSON.parse(await readFile(join(folder, file), 'utf8')) as Value;
}

async function writeJson(folder: string, file: string, value: unknown): Promise<void> {
  await writeFile(join(folder, file), JSON.stringify(value));
}

it('gives another program only interactions before the test window', async () => {
  const { folder, context, id } = await prepare();
  const { tensors } = await readSafetensors(join(folder, 'data.safetensors'));
  const times = tensors['sequences/times']!.data as Float64Array;
  const known = dataset.sequences.times.filter((time) => time < testFrom);
  expect(times).toEqual(known);
  expect(known.length).toBeLessThan(dataset.sequences.times.length);
  expect(Math.max(...(tensors['examples/labelEnd']!.data as Int32Array))).toBeLessThanOrEqual(times.length);
  await expect(exportTraining(context, id, folder)).rejects.toMatchObject({ code: 'TRAINING_FOLDER_NOT_EMPTY' });
});

it('stores, indexes and gates the model of another program, and refuses a warm start from it', async () => {
  const { folder, context, id } = await prepare();
  await train(folder);
  const { datasetId, modelId } = await importTraining(context, folder);
  expect(datasetId).toBe(id);
  const { info, weights } = await openModel(context.store, modelId);
  expect(info).toMatchObject({ program: 'test 1', bestEpoch: 1, refit: [{ epoch: 1, loss: 3 }] });
  expect(weights).toEqual(await readWeights(join(folder, 'weights.safetensors')));
  const { start } = await planStart(context.store, { dataset, ...resolveModel(shopConfig()) }, modelId);
  expect(start).toMatchObject({
    refused: { reason: 'Another program trained it (test 1), so it has no optimizer state.' },
  });
  const { bundleId } = (await indexStage(context, { datasetId, modelId })).output;
  // The imported weights are almost equal to the exported initial weights, which are random.
  expect((await gateStage(context, { datasetId, bundleId })).output).toMatchObject({
    bundleId,
    verdict: 'reject',
    reasons: expect.arrayContaining([expect.stringContaining('has learned nothing about users')]) as unknown,
  });
});

type Change = (tensors: Record<string, SafeTensor>) => void;

it.each<[problem: string, change: Change]>([
  ['The weight routing/S is missing.', (tensors) => void delete tensors['routing/S']],
  [
    'has the shape [36] instead of [6,6]',
    (tensors) => (tensors['routing/S'] = { ...tensors['routing/S']!, shape: [36] }),
  ],
  ['The weight hidden/0/bias has values that are not finite.', (tensors) => (tensors['hidden/0/bias']!.data[0] = NaN)],
  ['The weight extra is unknown.', (tensors) => (tensors['extra'] = tensors['hidden/0/bias']!)],
  ['differs from Facet by', (tensors) => (tensors['hidden/1/bias']!.data[0] = 0.5)],
])('refuses a model that cannot be served: %s', async (problem, change) => {
  const { folder, context } = await prepare();
  await train(folder);
  const path = join(folder, 'weights.safetensors');
  const tensors = { ...(await readSafetensors(path)).tensors };
  change(tensors);
  await writeSafetensors(path, tensors);
  await expect(importTraining(context, folder)).rejects.toMatchObject({
    code: 'TRAINING_RESULT_INVALID',
    message: expect.stringContaining(problem) as string,
  });
});

it('refuses a folder without a result, without golden vectors, and of other settings', async () => {
  const { folder, context } = await prepare();
  await expect(importTraining(context, join(folder, 'typo'))).rejects.toThrow(
    'is not a folder of facet train --export',
  );
  await expect(importTraining(context, folder)).rejects.toThrow('result.json is missing');
  await train(folder);
  const other = createStageContext(
    context.home,
    shopConfig({ training: { batchSize: 32, epochs: 4, windowDays: 10 } }),
  );
  await expect(importTraining(other, folder)).rejects.toMatchObject({
    code: 'TRAINING_FOLDER_STALE',
    message: expect.stringContaining('these settings have changed: training.epochs.') as string,
  });
  await writeFile(join(folder, 'result.json'), '{"program": "test 1", "epochs": [{"loss": NaN}]}');
  await expect(importTraining(context, folder)).rejects.toMatchObject({ code: 'TRAINING_RESULT_INVALID' });
  await writeJson(folder, 'result.json', { program: 'test 1', epochs: [] });
  await writeJson(folder, 'golden.json', []);
  await expect(importTraining(context, folder)).rejects.toThrow('Golden vector 0 has 0 interests');
  await rm(join(folder, 'weights.safetensors'));
  await expect(importTraining(context, folder)).rejects.toThrow('weights.safetensors is missing or damaged');
});
