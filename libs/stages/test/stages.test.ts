import { appendFile, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadBundle } from '@facet/bundles';
import { compactLake, upsertItems, upsertUsers } from '@facet/lake';
import { expect, test } from 'vitest';
import { homePaths, resolveModel } from '@facet/config';
import { processMemory, estimateTrainingMemory } from '../src/estimate/estimate-memory.ts';
import { createStageContext } from '../src/stage.ts';
import { datasetStage, evaluateStage, headlineMetrics, indexStage, trainStage } from '../src/stages.ts';
import type { FacetConfig, HomePaths } from '@facet/config';
import { temporaryFolder } from '@facet/testing';
import { addToLake, importEvents } from './shops/lake-of-events.ts';
import { closing, people, shopConfig, shopEvents, things } from './shops/tiny-shop.ts';

const quick = { batchSize: 64, epochs: 1, windowDays: 10, refit: false };

/** Runs all stages in order. Returns which were reused, and the ids of the artifacts. */
async function runAll(home: HomePaths, config: FacetConfig) {
  const context = createStageContext(home, config);
  const dataset = await datasetStage(context);
  const { datasetId } = dataset.output;
  const model = await trainStage(context, { datasetId });
  const ids = { datasetId, ...model.output };
  const report = await evaluateStage(context, ids);
  const index = await indexStage(context, ids, headlineMetrics(report.output));
  const reused = Object.entries({ dataset, model, report, index }).flatMap(([name, stage]) =>
    stage.isReused ? [name] : [],
  );
  return {
    reused,
    ids: { ...ids, ...index.output },
    report: report.output,
    counts: dataset.output.info.counts,
    context,
  };
}

test('builds a bundle from a lake, reuses finished stages, and repeats only stages that depend on a change', async () => {
  const home = homePaths(await temporaryFolder());
  const config = shopConfig({ training: quick });
  const events = shopEvents();
  await importEvents(home, events);
  await upsertItems(home.catalogFolder, things);
  await upsertUsers(home.catalogFolder, people);

  const first = await runAll(home, config);
  expect(first.reused).toEqual([]);
  expect(first.counts).toMatchObject({ events: events.length, users: 20, items: 24 });
  const chosen = new Set(events.filter(({ type }) => type === 'purchase').map(({ itemId }) => itemId));
  const undated = things.filter(({ itemId, available }) => available !== false && !chosen.has(itemId));
  expect(undated.length).toBeGreaterThan(0);
  expect(first.ids.undatedItems).toBe(undated.length);
  const bundle = await loadBundle(first.context.store, { kind: 'bundle', id: first.ids.bundleId });
  expect(bundle.info).toMatchObject({
    modelId: first.ids.modelId,
    datasetId: first.ids.datasetId,
    asOf: events.at(-1)!.occurredAt + 1,
  });
  expect(bundle.info.metrics['all.recall@10']).toBe(first.report.methods[0]!.all.cutoffs[1]!.recall);
  bundle.close();

  const again = await runAll(home, config);
  expect(again.reused).toEqual(['dataset', 'model', 'report', 'index']);
  expect(again.ids).toEqual(first.ids);
  expect(again.report).toEqual(first.report);

  const otherIndex = await runAll(home, shopConfig({ training: quick, index: { kind: 'hnsw', recallMin: 0.5 } }));
  expect(otherIndex.reused).toEqual(['dataset', 'model', 'report']);

  const otherWindows = await runAll(home, shopConfig({ training: quick, popularity: { windowDays: [14] } }));
  expect(otherWindows.reused).toEqual(['dataset', 'model', 'report']);

  const otherCutoffs = await runAll(home, shopConfig({ training: quick, evaluation: { cutoffs: [4] } }));
  expect(otherCutoffs.reused).toEqual(['dataset', 'model']);

  // Another training with the same dataset.
  const otherTraining = await runAll(home, shopConfig({ training: { ...quick, seed: 2 } }));
  expect(otherTraining.reused).toEqual(['dataset']);

  // A deleted model is built again, identical.
  await rm(join(home.artifactsFolder, 'model', first.ids.modelId), { recursive: true });
  const remade = await runAll(home, config);
  expect(remade.reused).toEqual(['dataset', 'report', 'index']);
  expect(remade.ids).toEqual(first.ids);

  // An altered bundle is built again, too.
  await appendFile(join(home.artifactsFolder, 'bundle', first.ids.bundleId, 'golden.json'), '\n');
  const repaired = await runAll(home, config);
  expect(repaired.reused).toEqual(['dataset', 'model', 'report']);
  expect(repaired.ids).toEqual(first.ids);

  // Newer events, and then a changed catalog, give another dataset.
  const last = events.at(-2)!;
  await importEvents(home, [
    { ...last, eventId: 'newer', occurredAt: last.occurredAt + 1000, receivedAt: last.receivedAt + 1000 },
  ]);
  const context = createStageContext(home, config);
  const newer = await datasetStage(context);
  expect(newer.isReused).toBe(false);
  expect(newer.output.info.counts['events']).toBe(events.length + 1);
  await upsertItems(home.catalogFolder, [{ itemId: 'thing00', title: 'another title', attributes: {} }]);
  const renamed = await datasetStage(context);
  expect(renamed.isReused).toBe(false);
  expect(renamed.output.datasetId).not.toBe(newer.output.datasetId);
});

test('builds the same bundle after a crash between the measurement and the storage', { tags: 'full' }, async () => {
  const home = homePaths(await temporaryFolder());
  const config = shopConfig({ training: quick, index: { kind: 'hnsw', recallMin: 0.5 } });
  await importEvents(home, shopEvents());
  const context = createStageContext(home, config);
  const { datasetId } = (await datasetStage(context)).output;
  const ids = { datasetId, ...(await trainStage(context, { datasetId })).output };
  const dying = { ...context.store, put: () => Promise.reject(new Error('killed')) };
  await expect(indexStage({ ...context, store: dying }, ids)).rejects.toThrow('killed');
  const measured = (await readdir(home.stagesFolder)).filter((file) => /^index-.*\.choice\.json$/.test(file));
  expect(measured).toHaveLength(1);
  const choice = JSON.parse(await readFile(join(home.stagesFolder, measured[0]!), 'utf8')) as object;

  const ref = { kind: 'bundle', id: (await indexStage(context, ids)).output.bundleId };
  const bundle = await loadBundle(context.store, ref);
  bundle.close();
  expect(bundle.info.index).toEqual({ ...choice, dim: bundle.info.index.dim });

  // The inputs and the stored measurement determine every byte.
  await rm(join(home.artifactsFolder, 'bundle', ref.id), { recursive: true });
  expect(await indexStage(context, ids)).toEqual({ output: { bundleId: ref.id, undatedItems: 0 }, isReused: false });
});

test('reports what to do in an empty home', async () => {
  const context = createStageContext(homePaths(await temporaryFolder()), shopConfig());
  await expect(datasetStage(context)).rejects.toMatchObject({
    code: 'DATASET_NO_POSITIVES',
    remedy: 'Import events with facet import.',
  });
});

test('names a missing dataset', async () => {
  const context = createStageContext(homePaths(await temporaryFolder()), shopConfig());
  await expect(trainStage(context, { datasetId: 'f'.repeat(32) })).rejects.toMatchObject({
    code: 'ARTIFACT_NOT_FOUND',
  });
});

test(
  'includes the start in the inputs of a training, and the settings of warm starts only for warm starts',
  { tags: 'full' },
  async () => {
    const home = homePaths(await temporaryFolder());
    await importEvents(home, shopEvents());
    const contextWith = (warm: object) => createStageContext(home, shopConfig({ training: { ...quick, warm } }));
    const context = contextWith({ epochs: 1 });
    const { datasetId } = (await datasetStage(context)).output;
    const full = await trainStage(context, { datasetId });
    expect(full.output.start).toEqual({ kind: 'full' });
    const inputs = { datasetId, warmFrom: full.output.modelId };
    const warm = await trainStage(context, inputs);
    expect(warm).toMatchObject({ isReused: false, output: { start: { kind: 'warm', modelId: full.output.modelId } } });
    expect(await trainStage(context, inputs)).toEqual({ ...warm, isReused: true });
    const other = contextWith({ epochs: 1, learningRate: 0.01 });
    expect((await trainStage(other, { datasetId })).isReused).toBe(true);
    expect((await trainStage(other, inputs)).isReused).toBe(false);
  },
);

test('leaves erased users out of datasets, before and after a compaction', { tags: 'full' }, async () => {
  const home = homePaths(await temporaryFolder());
  const context = createStageContext(home, shopConfig({ training: quick }));
  const events = shopEvents();
  await importEvents(home, events);
  const countOf = async (): Promise<{ isReused: boolean; events: number; users: number }> => {
    const { isReused, output } = await datasetStage(context);
    return { isReused, events: output.info.counts['events'] ?? 0, users: output.info.counts['users'] ?? 0 };
  };
  expect(await countOf()).toEqual({ isReused: false, events: events.length, users: 20 });

  await addToLake(home.lakeFolder, [], { erased: ['person07'], erasedAt: closing });
  const left = events.filter(({ userId }) => userId !== 'person07').length;
  expect(await countOf()).toEqual({ isReused: false, events: left, users: 19 });
  expect(await countOf()).toMatchObject({ isReused: true });
  await compactLake(home.lakeFolder);
  expect(await countOf()).toEqual({ isReused: false, events: left, users: 19 });
});

test('rejects a training that needs more memory than available before it starts', async () => {
  const home = homePaths(await temporaryFolder());
  await importEvents(home, shopEvents());
  const { model } = shopConfig();
  const context = createStageContext(home, shopConfig({ model: { ...model, embeddingDim: 1e9 } }));
  const { datasetId } = (await datasetStage(context)).output;
  await expect(trainStage(context, { datasetId })).rejects.toMatchObject({
    code: 'TRAIN_OUT_OF_MEMORY',
    remedy: expect.stringContaining('training.batchSize') as unknown,
  });
});

test('counts the labels of an example for the memory of label-aware attention', async () => {
  const home = homePaths(await temporaryFolder());
  await importEvents(home, shopEvents());
  const { model } = shopConfig();
  const { usedBytes, availableBytes } = processMemory();
  const configOf = (batchSize: number) => {
    const variant = { ...model, variant: 'mind', interests: 1, negatives: 'all' };
    return shopConfig({ model: variant, training: { ...quick, labels: 'window', batchSize } });
  };
  // With one label per example, the batch needs less memory than the process can use; with the labels of 10 days, more.
  const bytesOf = (batchSize: number): number => {
    const settings = resolveModel(configOf(batchSize));
    return estimateTrainingMemory({ items: 24, users: 20, events: 400 }, settings).bytes;
  };
  const perExample = (bytesOf(2e6) - bytesOf(1e6)) / 1e6;
  const batchSize = Math.round((0.8 * (usedBytes + availableBytes) - bytesOf(1)) / perExample);
  const context = createStageContext(home, configOf(batchSize));
  const { datasetId } = (await datasetStage(context)).output;
  await expect(trainStage(context, { datasetId })).rejects.toMatchObject({ code: 'TRAIN_OUT_OF_MEMORY' });
});
