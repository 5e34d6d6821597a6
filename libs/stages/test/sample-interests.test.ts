import { createInferenceEngine, indexDim } from '@facet/model';
import { expect, test } from 'vitest';
import type { Dataset } from '../src/dataset/dataset.ts';
import { sampleInterests } from '../src/indexing/sample-interests.ts';
import { closing, shopDataset, untrainedModel } from './shops/tiny-shop.ts';

const dataset = shopDataset();
const { info, weights } = untrainedModel(dataset);
const embeddings = Float32Array.from({ length: 25 * 6 }, (_, cell) => Math.sin(cell));
const engine = createInferenceEngine(info.spec, weights, embeddings);
const dim = indexDim(info.spec);

const rowsOf = (vectors: Float32Array): string[] =>
  Array.from({ length: vectors.length / dim }, (_, row) => vectors.slice(row * dim, (row + 1) * dim).join());

/** The dataset with interactions in the test window of only these users. */
function activeOnly(users: readonly number[]): Dataset {
  const { sequences, split } = dataset;
  const times = sequences.times.slice();
  for (let user = 0; user < sequences.userIds.length; user++) {
    if (users.includes(user)) continue;
    for (let at = sequences.offsets[user]!; at < sequences.offsets[user + 1]!; at++) {
      times[at] = Math.min(times[at]!, split.testFrom - 1);
    }
  }
  return { ...dataset, sequences: { ...sequences, times } };
}

test('uses a fixed half of the users for tuning and holds out the others', () => {
  const { tuning, heldOut } = sampleInterests(dataset, engine, closing);
  expect(tuning.length).toBeGreaterThan(10 * dim);
  expect(heldOut.length).toBeGreaterThan(10 * dim);
  const tuned = new Set(rowsOf(tuning));
  expect(rowsOf(heldOut).filter((row) => tuned.has(row))).toEqual([]);
  expect(sampleInterests(dataset, engine, closing)).toEqual({ tuning, heldOut });
});

test('uses only users of the test window, unless there are none', () => {
  const two = sampleInterests(activeOnly([4, 9]), engine, closing);
  expect(rowsOf(two.tuning).length).toBeLessThanOrEqual(3);
  expect(rowsOf(two.heldOut).length).toBeGreaterThan(0);
  const one = sampleInterests(activeOnly([4]), engine, closing);
  expect(one.heldOut).toEqual(one.tuning);
  expect(one.tuning.length).toBeGreaterThan(0);
  const none = sampleInterests(activeOnly([]), engine, closing);
  expect(rowsOf(none.tuning).length).toBeGreaterThan(10);
});

test('returns no queries without interests, and never a zero vector', () => {
  const strangers = { ...dataset, sequences: { ...dataset.sequences, items: dataset.sequences.items.map(() => 0) } };
  expect(sampleInterests(strangers, engine, closing)).toEqual({
    tuning: new Float32Array(0),
    heldOut: new Float32Array(0),
  });
});
