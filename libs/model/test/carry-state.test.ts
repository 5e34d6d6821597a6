import { createRandom, encodeFeatures } from '@facet/features';
import type { Attributes, FeatureSchema } from '@facet/features';
import { describe, expect, it } from 'vitest';
import { embedItems, facetModel, initializeWeights } from '../src/index.ts';
import type { ModelSpec, Weight, Weights } from '../src/index.ts';
import { carryState } from '../src/training.ts';
import type { CarriedModel, ReceivingModel, TrainingState } from '../src/training.ts';
import { changeWeights, createTinyWorld, examplesOf, openTinySession } from './tiny-world.ts';
import type { TinyWorld } from './tiny-world.ts';

const config = { ...facetModel, embeddingDim: 2, interests: 2, sequenceLength: 3, hiddenUnits: [2], profileDim: 1 };
const D = config.embeddingDim;

const category = (name: string, values: string[]): FeatureSchema => ({
  name,
  kind: 'category',
  values,
  edges: [],
  slots: 2,
});
const bins = (name: string, edges: number[]): FeatureSchema => ({
  name,
  kind: 'number',
  values: [...edges, Number.POSITIVE_INFINITY].map(String),
  edges,
  slots: 1,
});

function specOf(itemCount: number, itemFeatures: FeatureSchema[] = [], userFeatures: FeatureSchema[] = []): ModelSpec {
  return { config, itemCount, itemFeatures, userFeatures };
}

/** Every number of every array is another one: `base` and then one more each. */
function counted(shapes: Weights, base: number): Weights {
  let next = base;
  return changeWeights(shapes, () => next++);
}

function stateOf(spec: ModelSpec): TrainingState {
  const weights = counted(initializeWeights(spec, createRandom(1)), 1000);
  const optimizer: Record<string, Weight> = { steps: { shape: [], data: Float32Array.of(77) } };
  for (const [moment, base] of [
    ['first', 3000],
    ['second', 5000],
  ] as const) {
    for (const [name, weight] of Object.entries(counted(weights, base))) {
      if (name !== 'routing/logits') optimizer[`${moment}/${name}`] = weight;
    }
  }
  return { weights, optimizer };
}

function carried(from: Partial<CarriedModel> & { spec: ModelSpec }, to: Partial<ReceivingModel> & { spec: ModelSpec }) {
  const source: CarriedModel = { itemIds: ['', 'a', 'b', 'c'], state: stateOf(from.spec), ...from };
  const itemIds = to.itemIds ?? ['', 'a', 'b', 'c'];
  const target: ReceivingModel = {
    trainedCount: to.spec.itemCount,
    itemIds,
    itemFeatures: encodeFeatures(
      to.spec.itemFeatures,
      itemIds.map(() => undefined),
    ),
    initialWeights: initializeWeights(to.spec, createRandom(2)),
    ...to,
  };
  return { source, target, state: carryState(source, target) };
}

const rowsOf = ({ shape, data }: Weight): number[][] => {
  const width = data.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, row) => [...data.slice(row * width, (row + 1) * width)]);
};

/** Weights and both moments of one array, before and after. */
function arrays(name: string, source: CarriedModel, state: TrainingState): { was: number[][]; is: number[][] }[] {
  return [
    { was: rowsOf(source.state.weights[name]!), is: rowsOf(state.weights[name]!) },
    ...['first', 'second'].map((moment) => ({
      was: rowsOf(source.state.optimizer[`${moment}/${name}`]!),
      is: rowsOf(state.optimizer[`${moment}/${name}`]!),
    })),
  ];
}

describe('carrying a state', () => {
  it('for the same items and features changes only the padding row of items', () => {
    const features = [category('color', ['red', 'blue'])];
    const spec = specOf(3, features, features);
    const { source, target, state } = carried({ spec }, { spec });
    expect(Object.keys(state.weights)).toEqual(Object.keys(source.state.weights));
    expect(Object.keys(state.optimizer).sort()).toEqual(Object.keys(source.state.optimizer).sort());
    for (const name of Object.keys(state.weights)) {
      const from = name === 'item/id' ? 1 : 0;
      expect(rowsOf(state.weights[name]!).slice(from)).toEqual(rowsOf(source.state.weights[name]!).slice(from));
      if (from === 1) expect(rowsOf(state.weights[name]!)[0]).toEqual(rowsOf(target.initialWeights[name]!)[0]);
    }
    expect(state.optimizer['steps']!.data).toEqual(Float32Array.of(77));
  });

  it('moves item rows by item id: moved, dropped, new', () => {
    const { source, target, state } = carried({ spec: specOf(3) }, { spec: specOf(3), itemIds: ['', 'c', 'new', 'a'] });
    const [weights, first, second] = arrays('item/id', source, state);
    const initial = rowsOf(target.initialWeights['item/id']!);
    expect(weights!.is).toEqual([initial[0], weights!.was[3], initial[2], weights!.was[1]]);
    for (const { was, is } of [first!, second!]) expect(is).toEqual([[0, 0], was[3], [0, 0], was[1]]);
  });

  it('drops untrained rows and rows of items without a dedicated row', () => {
    const spec = specOf(3);
    const state = stateOf(spec);
    state.optimizer['second/item/id']!.data.fill(0, D, 2 * D);
    const { source, target, state: result } = carried({ spec, state }, { spec, trainedCount: 2 });
    const [weights, first] = arrays('item/id', source, result);
    const initial = rowsOf(target.initialWeights['item/id']!);
    expect(weights!.is).toEqual([initial[0], initial[1], weights!.was[2], initial[3]]);
    expect(first!.is).toEqual([[0, 0], [0, 0], first!.was[2], [0, 0]]);
  });

  it('accepts fewer item ids than rows', () => {
    const { target, state } = carried({ spec: specOf(3), itemIds: ['', 'a'] }, { spec: specOf(3) });
    expect(rowsOf(state.weights['item/id']!)[2]).toEqual(rowsOf(target.initialWeights['item/id']!)[2]);
  });

  it('moves rows of item and user features by value; new values and features keep initial rows', () => {
    const before = [category('color', ['red', 'blue', 'gone']), category('lost', ['x', 'y'])];
    const now = [category('added', ['x', 'y']), category('color', ['blue', 'new', 'red'])];
    const { source, target, state } = carried({ spec: specOf(3, before, before) }, { spec: specOf(3, now, now) });
    for (const table of ['item/feature/color', 'profile/color']) {
      const [weights, ...moments] = arrays(table, source, state);
      const initial = rowsOf(target.initialWeights[table]!);
      expect(weights!.is).toEqual([weights!.was[0], weights!.was[2], initial[2], weights!.was[1]]);
      const none = initial[0]!.map(() => 0);
      for (const { was, is } of moments) expect(is).toEqual([was[0], was[2], none, was[1]]);
    }
    for (const table of ['item/feature/added', 'profile/added']) {
      expect(state.weights[table]).toEqual(target.initialWeights[table]);
      expect(state.optimizer[`second/${table}`]!.data.every((value) => value === 0)).toBe(true);
    }
    expect(Object.keys(state.weights).filter((name) => name.includes('lost'))).toEqual([]);
  });

  it.each([
    ['whose edges moved', [1, 2, 3], [1.5, 2.5, 3.5], [1, 2, 3, 4]],
    ['that are fewer', [1, 2, 3, 4], [1, 3], [1, 3, 5]],
    ['that are more', [1, 2], [1, 2, 3, 4], [1, 2, 2, 3, 3]],
  ])('bins %s go by their place among the bins', (_, before, now, rows) => {
    const { source, state } = carried(
      { spec: specOf(3, [bins('price', before)]) },
      { spec: specOf(3, [bins('price', now)]) },
    );
    for (const { was, is } of arrays('item/feature/price', source, state)) {
      expect(is.slice(1)).toEqual(rows.map((row) => was[row]));
    }
  });

  it('treats a feature of another kind as another feature', () => {
    const { target, state } = carried(
      { spec: specOf(3, [category('price', ['1', '2'])]) },
      { spec: specOf(3, [bins('price', [1])]) },
    );
    expect(state.weights['item/feature/price']).toEqual(target.initialWeights['item/feature/price']);
  });

  it('moves rows of the map of user features by user feature', () => {
    const [age, sex] = ['age', 'sex'].map((name) => category(name, ['p', 'q']));
    const plain = { ...config, layers: 'none' as const, context: 'none' as const, residual: false };
    const { source, target, state } = carried(
      { spec: { ...specOf(3, [], [age!]), config: plain } },
      { spec: { ...specOf(3, [], [sex!, age!]), config: plain } },
    );
    const [weights, first] = arrays('profileMap/kernel', source, state);
    expect(weights!.is).toEqual([rowsOf(target.initialWeights['profileMap/kernel']!)[0], weights!.was[0]]);
    expect(first!.is).toEqual([[0, 0], first!.was[0]]);
  });

  it('moves rows of the first H-layer by user feature', () => {
    const [age, sex, town] = ['age', 'sex', 'town'].map((name) => category(name, ['p', 'q']));
    const { source, target, state } = carried(
      { spec: specOf(3, [], [age!, sex!]) },
      { spec: specOf(3, [], [sex!, town!, age!]) },
    );
    // Capsule and context of width 2 each, then one input a user feature.
    const [weights, first] = arrays('hidden/0/kernel', source, state);
    const initial = rowsOf(target.initialWeights['hidden/0/kernel']!);
    expect(weights!.is).toEqual([...weights!.was.slice(0, 4), weights!.was[5], initial[5], weights!.was[4]]);
    expect(first!.is).toEqual([...first!.was.slice(0, 4), first!.was[5], [0, 0], first!.was[4]]);
  });

  it('starts a new item at the mean of its side features', () => {
    const schemas = [category('color', ['red', 'blue']), category('shop', ['s', 't'])];
    const itemIds = ['', 'a', 'new', 'plain'];
    const attributes: (Attributes | undefined)[] = [
      undefined,
      { color: 'red', shop: 's' },
      { color: ['red', 'blue'], shop: 't' },
      {},
    ];
    const { target, state } = carried(
      { spec: specOf(3, schemas) },
      { spec: specOf(3, schemas), itemIds, itemFeatures: encodeFeatures(schemas, attributes) },
    );
    const [, red, blue] = rowsOf(state.weights['item/feature/color']!);
    const t = rowsOf(state.weights['item/feature/shop']!)[2]!;
    const mean = t.map((value, d) => ((red![d]! + blue![d]!) / 2 + value) / 2);
    expect(rowsOf(state.weights['item/id']!)[2]).toEqual(mean.map(Math.fround));
    const { itemFeatures: features } = target;
    const pooled = embedItems(target.spec, state.weights, { itemCount: 3, trainedCount: 3, features });
    const bySideFeatures = embedItems(target.spec, state.weights, { itemCount: 3, trainedCount: 0, features });
    for (let d = 2 * D; d < 3 * D; d++) expect(pooled[d]).toBeCloseTo(bySideFeatures[d]!, 3);
    // Without side features there is nothing to start at.
    expect(rowsOf(state.weights['item/id']!)[3]).toEqual(rowsOf(target.initialWeights['item/id']!)[3]);
  });

  it('does not change the source state', () => {
    const spec = specOf(3);
    const state = stateOf(spec);
    const copy = structuredClone(state);
    carried({ spec, state }, { spec: specOf(2), itemIds: ['', 'b', 'new'] });
    expect(state).toEqual(copy);
  });
});

describe('a session that starts from a carried state', () => {
  const chosen = Int32Array.from({ length: 16 }, (_, position) => position);

  async function stepped(world: TinyWorld, start: TrainingState | undefined, steps: number) {
    const session = openTinySession(world);
    if (start !== undefined) await session.restore(start);
    for (let step = 0; step < steps; step++) session.stepOn(examplesOf(world), chosen, 0.01, createRandom(step));
    const state = await session.state();
    session.dispose();
    return state;
  }

  it('continues like the source session if nothing is new', async () => {
    const world = createTinyWorld({ variant: 'facet' });
    const before = await stepped(world, undefined, 5);
    const start = carryState({ ...world, state: before }, { ...world, initialWeights: world.weights });
    expect(await stepped(world, start, 3)).toEqual(await stepped(world, before, 3));
  });

  it(
    'first moves a new row by 3.2 times the learning rate, since its moments are zero and the steps are carried',
    { tags: 'full' },
    async () => {
      const world = createTinyWorld({ variant: 'facet', model: { dropout: 0 } });
      const { spec, itemIds, weights: initialWeights } = world;
      const before = await stepped(world, undefined, 1);
      const late = {
        ...before,
        optimizer: { ...before.optimizer, steps: { shape: [], data: Float32Array.of(20_000) } },
      };
      const renamed = ['', 'item1', 'renamed', ...itemIds.slice(3)];
      const start = carryState({ ...world, state: late }, { ...world, itemIds: renamed, initialWeights });
      const after = await stepped(world, start, 1);
      const D2 = spec.config.embeddingDim;
      const moved = (row: number): number[] =>
        Array.from({ length: D2 }, (_, d) =>
          Math.abs(after.weights['item/id']!.data[row * D2 + d]! - start.weights['item/id']!.data[row * D2 + d]!),
        );
      for (const distance of moved(2)) expect(distance).toBeCloseTo((0.01 * 0.1) / Math.sqrt(0.001), 4);
    },
  );
});
