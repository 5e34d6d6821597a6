import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactStore } from '@facet/artifacts';
import type { LakeEvent } from '@facet/lake';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { resolveModel } from '@facet/config';
import { openModel, modelFormat, openModelState } from '../src/model/model-artifact.ts';
import type { Dataset } from '../src/dataset/dataset.ts';
import type { TrainingStart } from '../src/model/model-artifact.ts';
import { buildDataset } from '../src/dataset/build-dataset.ts';
import { assembleDataset } from '../src/dataset/dataset.ts';
import { buildBundle } from '../src/indexing/build-bundle.ts';
import { trainModel } from '../src/training/train-model.ts';
import { chooseStates, phasesOf } from '../src/training/warm-start.ts';
import { folderOfFile, temporaryFolder } from '@facet/testing';
import { cheapModel, dayMs, facetExamples, opening, shopConfig, shopEvents, shopSources } from './shops/tiny-shop.ts';

const training = {
  ...facetExamples,
  batchSize: 32,
  epochs: 2,
  windowDays: 10,
  patience: 9,
  warm: { epochs: 2, learningRate: 1e-3 },
};
const moment = (day: number): number => opening + day * dayMs;
const isoDay = (day: number): string => new Date(moment(day)).toISOString().slice(0, 10);

/** The dataset of a refresh after `day` days, with ten days of test and ten of validation. */
function dayDataset(day: number, options: { events?: readonly LakeEvent[]; overrides?: Record<string, unknown> } = {}) {
  const events = (options.events ?? shopEvents()).filter(({ occurredAt }) => occurredAt < moment(day));
  const split = { validationFrom: isoDay(day - 20), testFrom: isoDay(day - 10) };
  const config = shopConfig({ model: cheapModel, training, split, ...options.overrides });
  const sources = {
    ...shopSources([...events]),
    window: { occurredBefore: moment(day), receivedBefore: moment(day), offsets: {}, itemsReceivedBefore: 1 },
  };
  return { config, dataset: assembleDataset(`day ${day}`, buildDataset(sources, config)) };
}

interface Trained {
  readonly id: string;
  readonly start: TrainingStart;
  readonly epochs: readonly string[];
}

async function train(
  root: string,
  { config, dataset }: { config: ReturnType<typeof shopConfig>; dataset: Dataset },
  options: { warmFrom?: string; checkpoints?: string; crashAfter?: string } = {},
): Promise<Trained> {
  const epochs: string[] = [];
  const { ref, start } = await trainModel({
    store: storeOf(root),
    dataset,
    ...resolveModel(config),
    warmFrom: options.warmFrom,
    checkpoints: options.checkpoints ?? join(root, 'checkpoints'),
    onEpoch: ({ phase, epoch }) => {
      epochs.push(`${phase} ${epoch}`);
      if (epochs.at(-1) === options.crashAfter) throw new Error('killed');
    },
  });
  return { id: ref.id, start, epochs };
}

const storeOf = (root: string): ArtifactStore => createFolderArtifactStore(join(root, 'artifacts'));

describe('chooseStates', () => {
  const moments = fc.integer({ min: 0, max: 20 });
  const splits = fc.tuple(moments, fc.integer({ min: 1, max: 10 })).map(([validationFrom, days]) => ({
    validationFrom,
    testFrom: validationFrom + days,
  }));
  const { training: config } = resolveModel(shopConfig());

  it('never starts a phase from a state that has seen its held-out data, for any windows', () => {
    fc.assert(
      fc.property(fc.array(splits, { minLength: 2, maxLength: 8 }), fc.boolean(), (days, refit) => {
        // In a chain, a state has seen the data up to its limit and everything that its source has seen.
        let states: { phase: 'fit' | 'refit'; seenBefore: number }[] = [];
        for (const split of days) {
          const phases = phasesOf(split, { ...config, refit });
          const chosen = chooseStates(states, phases);
          for (const { phase, state } of chosen ?? []) {
            expect(state.seenBefore).toBeLessThanOrEqual(phases.find((bound) => bound.phase === phase)!.heldOutFrom);
          }
          // Either all phases start warm, or none.
          expect([phases.length, undefined]).toContain(chosen?.length);
          // A full training is necessary only if a phase has no state.
          if (chosen === undefined) {
            expect(phases.some(({ heldOutFrom }) => states.every(({ seenBefore }) => seenBefore > heldOutFrom))).toBe(
              true,
            );
          }
          states = phases.map(({ phase, heldOutFrom }) => {
            const from = chosen?.find((choice) => choice.phase === phase)?.state.seenBefore ?? 0;
            return { phase, seenBefore: Math.max(from, heldOutFrom) };
          });
          // So `seenBefore` of a state holds for the whole chain.
          expect(states.map(({ seenBefore }) => seenBefore)).toEqual(phases.map(({ heldOutFrom }) => heldOutFrom));
        }
      }),
    );
  });

  it('uses the newest permitted state: the refit of last week once the windows have passed it', () => {
    const states = [
      { phase: 'fit' as const, seenBefore: 10 },
      { phase: 'refit' as const, seenBefore: 14 },
    ];
    const starts = (validationFrom: number, testFrom: number) =>
      chooseStates(states, phasesOf({ validationFrom, testFrom }, config))?.map(({ state }) => state.phase);
    expect(starts(11, 15)).toEqual(['fit', 'refit']);
    expect(starts(10, 14)).toEqual(['fit', 'refit']);
    expect(starts(14, 18)).toEqual(['refit', 'refit']);
    expect(starts(10, 13)).toEqual(['fit', 'fit']);
    expect(starts(9, 20)).toBeUndefined();
  });
});

describe('a warm start', () => {
  const root = folderOfFile();
  let first: Trained;
  let second: Trained;
  beforeAll(async () => {
    first = await train(root, dayDataset(56));
    second = await train(root, dayDataset(58), { warmFrom: first.id });
  });

  it('is recorded with the state of each phase, and can start the next one', async () => {
    expect(first.start).toEqual({ kind: 'full' });
    const { info } = await openModel(storeOf(root), second.id);
    expect(info.start).toEqual(second.start);
    expect(second.start).toEqual({
      kind: 'warm',
      modelId: first.id,
      from: [
        { phase: 'fit', state: { phase: 'fit', seenBefore: moment(36) } },
        { phase: 'refit', state: { phase: 'refit', seenBefore: moment(46) } },
      ],
      lastFull: { modelId: first.id, seenBefore: moment(46) },
    });
    expect(info.states!.phases).toEqual([
      { phase: 'fit', seenBefore: moment(38) },
      { phase: 'refit', seenBefore: moment(48) },
    ]);
    expect(info.fit.map(({ epoch }) => epoch)).toEqual([1, 2]);
    const third = await train(root, dayDataset(60), { warmFrom: second.id });
    expect(third.start).toMatchObject({ kind: 'warm', modelId: second.id, lastFull: { modelId: first.id } });
  });

  it('starts with the state of the earlier model', async () => {
    const { info } = await openModel(storeOf(root), second.id);
    const { info: before } = await openModel(storeOf(root), first.id);
    expect(info.fit[0]!.loss).toBeLessThan(before.fit[0]!.loss);
    const steps = async (id: string, phase: 'fit' | 'refit'): Promise<number> => {
      const { state } = await openModelState(storeOf(root), await openModel(storeOf(root), id), phase);
      return state.optimizer['steps']!.data[0]!;
    };
    for (const phase of ['fit', 'refit'] as const) {
      expect(await steps(second.id, phase)).toBeGreaterThan(await steps(first.id, phase));
    }
  });

  it('gives the same bytes from the same model', async () => {
    const checkpoints = await temporaryFolder();
    expect((await train(root, dayDataset(58), { warmFrom: first.id, checkpoints })).id).toBe(second.id);
  });

  it.each(['fit 1', 'refit 1'])(
    'resumes after a kill after %s with the same result',
    { tags: 'full' },
    async (crashAfter) => {
      const options = { warmFrom: first.id, checkpoints: join(await temporaryFolder(), 'run') };
      await expect(train(root, dayDataset(58), { ...options, crashAfter })).rejects.toThrow('killed');
      const resumed = await train(root, dayDataset(58), options);
      expect(resumed.id).toBe(second.id);
      expect(resumed.epochs).toEqual(second.epochs.slice(second.epochs.indexOf(crashAfter) + 1));
    },
  );

  it('does not resume from the checkpoint of a full training of the same day', { tags: 'full' }, async () => {
    const checkpoints = join(await temporaryFolder(), 'run');
    await expect(train(root, dayDataset(58), { checkpoints, crashAfter: 'fit 1' })).rejects.toThrow('killed');
    expect((await train(root, dayDataset(58), { warmFrom: first.id, checkpoints })).id).toBe(second.id);
  });

  it('never leaks the validation window into a fit through the earlier model', async () => {
    // Swaps two purchases on day 42, which is held out from today's fit, but part of yesterday's refit.
    const events = shopEvents();
    const [one, other] = events.filter(({ type, occurredAt }) => type === 'purchase' && occurredAt >= moment(42));
    expect(other!.occurredAt).toBeLessThan(moment(46));
    expect(one!.itemId).not.toBe(other!.itemId);
    const swapped = events.map((event) => {
      if (event === one) return { ...event, itemId: other!.itemId };
      return event === other ? { ...event, itemId: one!.itemId } : event;
    });
    const mutated = await temporaryFolder();
    const base = await train(mutated, dayDataset(56, { events: swapped }));
    const next = await train(mutated, dayDataset(58, { events: swapped }), { warmFrom: base.id });
    const fitOf = async (folder: string, { id }: Trained) => {
      const model = await openModel(storeOf(folder), id);
      return {
        losses: model.info.fit.map(({ loss }) => loss),
        ...(await openModelState(storeOf(folder), model, 'fit')),
      };
    };
    expect(base.id).not.toBe(first.id);
    expect(await fitOf(mutated, next)).toEqual(await fitOf(root, second));
  });

  it('draws new examples, so that a chain does not train on the same ones every day', { tags: 'full' }, async () => {
    // With this learning rate nothing is learned, so losses differ only by the examples.
    const still = dayDataset(56, {
      overrides: { training: { ...training, refit: false, warm: { epochs: 1, learningRate: 1e-12 } } },
    });
    const next = await train(root, still, { warmFrom: first.id });
    const afterNext = await train(root, still, { warmFrom: next.id });
    const [one, other] = await Promise.all(
      [next, afterNext].map(async ({ id }) => (await openModel(storeOf(root), id)).info.fit[0]!),
    );
    expect(one!.examples).toBe(other!.examples);
    expect(Math.abs(one!.loss - other!.loss)).toBeGreaterThan(1e-4);
  });

  it('keeps labels that `auto` compares, and refuses others', { tags: 'full' }, async () => {
    const root = await temporaryFolder();
    const withLabels = (day: number, labels: string) =>
      dayDataset(day, { overrides: { training: { ...training, labels } } });
    const labelsOf = async (id: string): Promise<string> => (await openModel(storeOf(root), id)).info.training.labels;
    const share = await train(root, withLabels(30, 'share'));
    const kept = await train(root, withLabels(40, 'auto'), { warmFrom: share.id });
    expect(kept.start.kind).toBe('warm');
    expect(await labelsOf(kept.id)).toBe('share');
    const again = await train(root, withLabels(50, 'auto'), { warmFrom: kept.id });
    expect(again.start.kind).toBe('warm');
    expect(await labelsOf(again.id)).toBe('share');
    const moment = await train(root, withLabels(30, 'moment'));
    const reason = 'The settings of the training have changed.';
    const refused = await train(root, withLabels(40, 'auto'), { warmFrom: moment.id });
    expect(refused.start).toEqual({ kind: 'full', refused: { modelId: moment.id, reason } });
    expect((await openModel(storeOf(root), refused.id)).info.fitScores?.map(({ labels }) => labels)).toEqual([
      'window',
      'share',
    ]);
    const fixed = await train(root, withLabels(40, 'window'), { warmFrom: share.id });
    expect(fixed.start).toEqual({ kind: 'full', refused: { modelId: share.id, reason } });
  });

  it('does not store the optimizer in the bundle', async () => {
    const model = await openModel(storeOf(root), second.id);
    const { config, dataset } = dayDataset(58);
    const { index, popularity } = config;
    const ref = await buildBundle({ store: storeOf(root), dataset, model, index, popularity, metrics: {} });
    const { folder } = await storeOf(root).open(ref);
    for (const file of await readdir(folder)) {
      if (!file.endsWith('.safetensors')) continue;
      expect((await readFile(join(folder, file))).includes('second/')).toBe(false);
    }
  });

  describe('is refused, and training starts from the beginning,', () => {
    // A refit costs as much as the fit, and does not change the decision.
    const once = { ...training, epochs: 1, refit: false };
    const day = (number: number, overrides: Record<string, unknown> = {}) =>
      dayDataset(number, { overrides: { training: once, ...overrides } });
    let earlier: Trained;
    beforeAll(async () => {
      earlier = await train(root, day(56));
    });

    const refusal = async (day: Parameters<typeof train>[1], warmFrom = earlier.id) => {
      const { start, id } = await train(root, day, { warmFrom });
      expect((await openModel(storeOf(root), id)).info.start).toEqual(start);
      expect(start).toMatchObject({ kind: 'full', refused: { modelId: warmFrom } });
      return start.kind === 'full' ? start.refused!.reason : '';
    };

    it.each([
      ['model', { model: { ...cheapModel, embeddingDim: 4 } }, 'The settings of the model have changed.'],
      ['training', { training: { ...once, seed: 2 } }, 'The settings of the training have changed.'],
      ['rules', { interactions: { positives: 'view' } }, 'The rules of interactions have changed.'],
    ])('after a change of settings: %s', async (_, overrides, reason) => {
      expect(await refusal(day(58, overrides))).toBe(reason);
    });

    it('but not after a change of the settings of warm starts', { tags: 'full' }, async () => {
      const warm = { epochs: 1, learningRate: 5e-4 };
      const { start } = await train(root, day(58, { training: { ...once, warm } }), { warmFrom: earlier.id });
      expect(start.kind).toBe('warm');
    });

    it('with learned user vectors', { tags: 'full' }, async () => {
      const overrides = { model: { variant: 'maxmf', embeddingDim: 4, sequenceLength: 8, negatives: 12 } };
      const model = await train(root, day(56, overrides));
      expect(await refusal(day(58, overrides), model.id)).toBe(
        'Learned user vectors cannot be reused in another training.',
      );
    });

    it('after the windows have moved back', { tags: 'full' }, async () => {
      expect(await refusal(day(55))).toBe('All of its states have seen data that is now held out.');
    });

    it('if the model does not exist', async () => {
      expect(await refusal(day(58), 'f'.repeat(32))).toBe('It is missing or damaged.');
    });

    it('if the model has another format, which other readers report as an error', async () => {
      const { store, id } = await modelOfOtherFormat(root, earlier.id);
      expect(await refusal(day(58), id)).toBe('Another version of Facet trained it.');
      await expect(openModel(store, id)).rejects.toMatchObject({
        code: 'MODEL_OUTDATED',
        message: `Model ${id} has the format 1, but this version of Facet reads the format ${modelFormat}.`,
      });
    });
  });
});

/** Stores the model with format 1. */
async function modelOfOtherFormat(root: string, id: string): Promise<{ store: ArtifactStore; id: string }> {
  const store = storeOf(root);
  const { folder } = await store.open({ kind: 'model', id });
  const info = await readFile(join(folder, 'model.json'), 'utf8');
  const ref = await store.put(
    'model',
    (target) => writeFile(join(target, 'model.json'), JSON.stringify({ ...JSON.parse(info), formatVersion: 1 })),
    { formatVersion: 1 },
  );
  return { store, id: ref.id };
}
