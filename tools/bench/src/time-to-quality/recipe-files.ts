import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBehaviorRows, writeBehaviorSequence } from '@facet/features';
import type { Examples } from '@facet/features';
import { activeInterestCount, negativesOf } from '@facet/model';
import type { ModelSpec, TrainingConfig, Weights } from '@facet/model';
import { defaultDenseRowsMax } from '@facet/model/batches';
import { poolItemRows, scalarScale } from '@facet/model/training';
import type { BenchmarkData } from '@facet/pipeline/benchmark';

interface Task {
  readonly benchmark: BenchmarkData;
  readonly spec: ModelSpec;
  readonly training: TrainingConfig;
  readonly weights: Weights;
  readonly examples: Examples;
}

/** Writes the input of recipe.py: one file per array, and a manifest. */
export async function writeRecipe(
  folder: string,
  { benchmark, spec, training, weights, examples }: Task,
): Promise<void> {
  const { data, protocol } = benchmark;
  const { sequenceLength: L, interests: K, adaptiveInterests, distinctBehaviors } = spec.config;
  const arrays: Record<string, { file: string; dtype: string; shape: readonly number[] }> = {};
  const write = async (name: string, shape: readonly number[], values: Int32Array | Float32Array): Promise<void> => {
    const file = `${Object.keys(arrays).length}.bin`;
    arrays[name] = { file, dtype: values instanceof Int32Array ? 'int32' : 'float32', shape };
    await writeFile(join(folder, file), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  };
  for (const [name, { shape, data: values }] of Object.entries(weights)) await write(name, shape, values);
  const { count } = examples;
  const rows = createBehaviorRows(count, L);
  const active = new Float32Array(count * K);
  const { items, times } = data.sequences;
  const labels = Int32Array.from(examples.end, (end) => items[end]!);
  for (let example = 0; example < count; example++) {
    const window = { items, times, start: examples.start[example]!, end: examples.end[example]! };
    const n = writeBehaviorSequence(rows, example, window, {
      now: examples.time[example]!,
      distinct: distinctBehaviors,
    });
    active.fill(1, example * K, example * K + activeInterestCount(n, K, adaptiveInterests));
  }
  await write('behaviors', [count, L], rows.items);
  await write('ages', [count, L], Int32Array.from(rows.ages));
  await write('active', [count, K], active);
  await write('labels', [count], labels);
  await write('users', [count], examples.user);
  const { known: candidates } = protocol.validation;
  await write(
    'candidates',
    [candidates.reduce((sum, one) => sum + one, 0)],
    Int32Array.from(candidates.keys()).filter((item) => candidates[item] === 1),
  );
  const pooled = poolItemRows({
    itemCount: spec.itemCount,
    trainedCount: data.vocabulary.trainedCount,
    features: data.itemFeatures,
  });
  for (const { table, slots, rows: pooledRows, weights: shares } of pooled) {
    await write(`pool/${table}/rows`, [spec.itemCount + 1, slots], pooledRows);
    await write(`pool/${table}/weights`, [spec.itemCount + 1, slots], shares);
  }
  const manifest = {
    model: spec.config,
    training,
    scalarScale,
    denseRowsMax: defaultDenseRowsMax,
    itemCount: spec.itemCount,
    negatives: negativesOf(spec.config, spec.itemCount),
    weights: Object.keys(weights),
    tables: pooled.map(({ table }) => table),
    arrays,
  };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
}

/** Reads the trained weights, which recipe.py writes over the initial ones. */
export async function readTrained(folder: string, initial: Weights): Promise<Weights> {
  const manifest = await readFile(join(folder, 'manifest.json'), 'utf8');
  const { arrays } = JSON.parse(manifest) as { arrays: Record<string, { file: string }> };
  const trained = await Promise.all(
    Object.entries(initial).map(async ([name, { shape }]) => {
      const bytes = await readFile(join(folder, arrays[name]!.file));
      return [name, { shape, data: new Float32Array(Uint8Array.from(bytes).buffer) }] as const;
    }),
  );
  return Object.fromEntries(trained);
}
