import { readFile, writeFile } from 'node:fs/promises';
import { loadBundle } from '@facet/bundles';
import { homePaths } from '@facet/config';
import { sum } from '@facet/evaluation';
import { upsertItems, upsertUsers } from '@facet/lake';
import {
  createStageContext,
  datasetStage,
  evaluateStage,
  hashJson,
  indexStage,
  openDataset,
  openModel,
  stageVersions,
  trainStage,
} from '@facet/stages';
import { importEvents, people, shopConfig, shopEvents, things } from '@facet/stages/testing';
import { temporaryFolder } from '@facet/testing';
import { expect, test } from 'vitest';
import { gateStage } from '../src/gate-stage.ts';

type Stage = keyof typeof stageVersions;

/**
 * The fingerprint of an output: a hash without the floats, and two figures of the floats at each path. The figures are the root mean
 * square, and a projection that depends on signs and positions. The last digits of floats differ between CPUs.
 */
interface Content {
  readonly hash: string;
  readonly figures: Readonly<Record<string, readonly [rms: number, projection: number]>>;
}

type Golden = Readonly<Partial<Record<Stage, Content & { readonly version: number }>>>;

const goldenFile = new URL('stage-guard.json', import.meta.url);
const tolerance = 0.002;
/** Keys that differ between runs: ids and files of inputs, times of the import, and measured values. */
const volatileKeys = /^(id|datasetId|modelId|bundleId|sources|itemsReceivedBefore|interactionRules|seconds|metrics)$/;

function contentOf(output: unknown): Content {
  const floats = new Map<string, number[]>();
  const exact = (value: unknown, path: string): unknown => {
    if (typeof value === 'number' && !Number.isInteger(value)) {
      floats.set(path, [...(floats.get(path) ?? []), ...(Number.isFinite(value) ? [value] : [])]);
      return 'float';
    }
    if (value instanceof Float32Array) {
      floats.set(path, [...(floats.get(path) ?? []), ...value.filter(Number.isFinite)]);
      return value.length;
    }
    if (ArrayBuffer.isView(value)) return Array.from(value as Int32Array);
    if (Array.isArray(value)) return value.map((part) => exact(part, path));
    if (value instanceof Map) return exact(Object.fromEntries(value), path);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, part]) =>
        volatileKeys.test(key) || typeof part === 'function' ? [] : [[key, exact(part, `${path}.${key}`)]],
      ),
    );
  };
  const hash = hashJson(exact(output, ''));
  const figures = Object.fromEntries([...floats].map(([path, values]) => [path, figuresOf(values)]));
  return { hash, figures };
}

function figuresOf(values: readonly number[]): readonly [number, number] {
  const rootMean = (total: number): number => total / Math.sqrt(values.length || 1);
  const rms = rootMean(Math.hypot(...values));
  const projection = rootMean(sum(values.map((value, position) => value * Math.cos(position + 1))));
  return [Number(rms.toPrecision(6)), Number(projection.toPrecision(6))];
}

/** Runs all stages on the tiny shop. Returns the contents of their outputs in the order of the stages. */
async function runStages(): Promise<Readonly<Record<Stage, Content>>> {
  const home = homePaths(await temporaryFolder());
  await importEvents(home, shopEvents());
  await upsertItems(home.catalogFolder, things);
  await upsertUsers(home.catalogFolder, people);
  const training = { batchSize: 64, epochs: 1, windowDays: 10, refit: false };
  const context = createStageContext(home, shopConfig({ training, index: { kind: 'flat' } }));
  const { datasetId } = (await datasetStage(context)).output;
  const { modelId } = (await trainStage(context, { datasetId })).output;
  const ids = { datasetId, modelId };
  const report = (await evaluateStage(context, ids)).output;
  const { bundleId } = (await indexStage(context, ids)).output;
  const gate = (await gateStage(context, { datasetId, bundleId })).output;

  const { info, items, sequences, itemFeatures, userFeatures, userAttributes } = await openDataset(
    context.store,
    datasetId,
  );
  const model = await openModel(context.store, modelId);
  const bundle = await loadBundle(context.store, { kind: 'bundle', id: bundleId });
  const { embeddings, vectors, popularity, firstSeen, byPopularity, golden, popularLists, tower } = bundle;
  const { itemTables } = bundle;
  const contents = {
    dataset: contentOf({ info, items, sequences, itemFeatures, userFeatures, userAttributes }),
    train: contentOf({ spec: model.info.spec, training: model.info.training, weights: model.weights }),
    evaluate: contentOf(report),
    index: contentOf({
      ...{
        embeddings,
        vectors,
        popularity,
        firstSeen,
        byPopularity,
        golden,
        popularLists,
        tower,
        itemTables,
      },
      // The layout of the map amplifies differences in the last digits.
      positions: bundle.positions?.length,
      trainedCount: bundle.info.trainedCount,
      kind: bundle.info.index.kind,
    }),
    gate: contentOf({
      window: gate.window,
      verdict: gate.verdict,
      // The sentences contain rounded values.
      checks: gate.checks
        .filter(({ name }) => name !== 'latency')
        .map(({ name, value, threshold, passed, difference: { mean, low, high } = { mean: 0, low: 0, high: 0 } }) => ({
          name,
          passed,
          values: { [name]: Float32Array.of(value, threshold, mean, low, high) },
        })),
    }),
  };
  bundle.close();
  return contents;
}

function isSame(found: Content, golden: Content): boolean {
  const paths = new Set([...Object.keys(found.figures), ...Object.keys(golden.figures)]);
  return (
    found.hash === golden.hash &&
    [...paths].every((path) => {
      const [value, known] = [found.figures[path], golden.figures[path]];
      if (value === undefined || known === undefined) return false;
      const differenceMax = tolerance * Math.max(known[0], 1e-3);
      return value.every((figure, index) => Math.abs(figure - known[index]!) <= differenceMax);
    })
  );
}

test('a stage with another output has another version', async () => {
  const golden = JSON.parse(await readFile(goldenFile, 'utf8')) as Golden;
  const found = await runStages();
  const stages = Object.keys(stageVersions) as Stage[];
  // A changed output changes the outputs of the stages after it, whose versions can remain.
  const changed = stages.find((stage) => golden[stage] !== undefined && !isSame(found[stage], golden[stage]));
  if (changed !== undefined && golden[changed]!.version === stageVersions[changed]) {
    expect(
      found[changed],
      `The stage ${changed} has another output. Raise stageVersions.${changed} and rewrite the file with FACET_WRITE_GOLDEN=true, or restore the output.`,
    ).toEqual(golden[changed]);
  }
  if (process.env['FACET_WRITE_GOLDEN'] === 'true') {
    const rows = stages.map((stage) => [stage, { version: stageVersions[stage], ...found[stage] }]);
    await writeFile(goldenFile, `${JSON.stringify(Object.fromEntries(rows), null, 2)}\n`);
    return;
  }
  const versions = Object.fromEntries(stages.map((stage) => [stage, golden[stage]?.version]));
  expect(versions, 'Rewrite stage-guard.json with FACET_WRITE_GOLDEN=true.').toEqual(stageVersions);
  expect(changed).toBeUndefined();
});
