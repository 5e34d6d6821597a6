import { appendFile, mkdir, mkdtemp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { createRandom } from '@facet/features';
import { fittedRepeatWeights, initializeWeights } from '@facet/model';
import type { LoopProgress, TrainingState } from '@facet/model/training';
import { beforeAll, describe, expect, it } from 'vitest';
import { resolveModel } from '@facet/config';
import { openModel, openModelState } from '../src/model/model-artifact.ts';
import { heldOutWindow } from '../src/ranking/tasks.ts';
import { fitHeldOutRepeats, repeatExampleOf } from '../src/training/fit-held-out-repeats.ts';
import type { Dataset } from '../src/dataset/dataset.ts';
import type { TrainingProgress } from '../src/training/training-progress.ts';
import { loadCheckpoint, saveCheckpoint } from '../src/training/train-phase.ts';
import { trainModel } from '../src/training/train-model.ts';
import { noPriorNote } from '../src/training/compare-fits.ts';
import { temporaryFolder } from '@facet/testing';
import {
  cheapModel,
  eventsOfOneDay,
  facetExamples,
  shopConfig,
  shopDataset,
  shopEvents,
  smallModel,
  testFrom,
  validationFrom,
  withinOneDay,
} from './shops/tiny-shop.ts';

const dataset = shopDataset();

interface Run {
  readonly modelId: string | undefined;
  readonly error: unknown;
  /** `fit 1`, `fit 2`, … in the order of training. */
  readonly epochs: readonly string[];
  /** The reported divergences. */
  readonly diverged: readonly string[];
  readonly notes: readonly string[];
}

/** Trains in `root`. `killAfter` ends the run after that epoch, by an abort or a crash, or some steps later. */
async function run(
  root: string,
  options: {
    training?: object;
    model?: object;
    of?: Dataset;
    killAfter?: string;
    stepsAfter?: number;
    way?: 'abort' | 'crash';
  } = {},
): Promise<Run> {
  const base = { ...facetExamples, batchSize: 32, epochs: 3, windowDays: 10, patience: 9 };
  const config = shopConfig({ training: { ...base, ...options.training }, model: options.model ?? cheapModel });
  const abort = new AbortController();
  const epochs: string[] = [];
  const diverged: string[] = [];
  const notes: string[] = [];
  try {
    const { ref } = await trainModel({
      store: createFolderArtifactStore(join(root, 'artifacts')),
      dataset: options.of ?? dataset,
      ...resolveModel(config),
      checkpoints: join(root, 'checkpoints'),
      signal: abort.signal,
      onNote: (note) => void notes.push(note),
      onDivergence: (phase, description) => void diverged.push(`${phase}: ${description}`),
      onEpoch: ({ phase, epoch }) => {
        const name = `${phase} ${epoch}`;
        epochs.push(name);
        if (name !== options.killAfter || options.stepsAfter !== undefined) return;
        if (options.way === 'crash') throw new Error('killed');
        abort.abort();
      },
      onProgress: ({ done }) => {
        if (epochs.at(-1) === options.killAfter && done === options.stepsAfter) throw new Error('killed');
      },
    });
    return { modelId: ref.id, error: undefined, epochs, diverged, notes };
  } catch (error) {
    return { modelId: undefined, error, epochs, diverged, notes };
  }
}

async function storedModel(root: string, id: string) {
  return openModel(createFolderArtifactStore(join(root, 'artifacts')), id);
}

describe('trainModel', () => {
  it('compares several interests with one, and stores the better model with both scores', async () => {
    const root = await temporaryFolder();
    const { modelId, epochs } = await run(root, {
      model: { ...smallModel, interestGainMin: 0.01 },
      training: { epochs: 1 },
    });
    const { info } = await storedModel(root, modelId!);
    const [several, one] = info.fitScores!;
    expect(epochs).toEqual(['fit 1', 'fit 1', 'refit 1']);
    expect([several!.interests, one!.interests]).toEqual([3, 1]);
    const { mean, low } = one!.severalGain!;
    expect(mean).toBeCloseTo(several!.score - one!.score, 6);
    expect(info.spec.config.interests).toBe(several!.score >= 1.01 * one!.score && low > 0 ? 3 : 1);
    expect(info.fit[0]!.score).toBe(info.spec.config.interests === 3 ? several!.score : one!.score);
  });

  it.each([false, true])(
    'has a popularity prior unless the data are of one day, and says so (one day: %s)',
    { tags: 'full' },
    async (isOneDay) => {
      const [validation, test] = [validationFrom, testFrom].map((time) => new Date(withinOneDay(time)).toISOString());
      const split = { validationFrom: validation, testFrom: test };
      const of = isOneDay ? shopDataset(eventsOfOneDay(), shopConfig({ split })) : dataset;
      const root = await temporaryFolder();
      const { modelId, notes } = await run(root, { of, model: smallModel, training: { epochs: 1 } });
      expect((await storedModel(root, modelId!)).info.spec.config.popularityPrior).toBe(!isOneDay);
      expect(notes).toEqual(isOneDay ? [noPriorNote] : []);
    },
  );

  it('stores the model with its curves, and removes the checkpoints', async () => {
    const root = await temporaryFolder();
    const { modelId, epochs } = await run(root, { model: smallModel });
    const model = await storedModel(root, modelId!);
    const { fit, refit, bestEpoch, spec, datasetId } = model.info;
    expect(datasetId).toBe('shop');
    expect(fit.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    for (const { loss, score, examples } of fit) {
      expect(Number.isFinite(loss) && examples > 0).toBe(true);
      expect(score! >= 0 && score! <= 1).toBe(true);
    }
    expect(refit).toHaveLength(bestEpoch);
    for (const { score } of refit) expect(score).toBeUndefined();
    expect(epochs).toEqual(['fit 1', 'fit 2', 'fit 3', ...refit.map(({ epoch }) => `refit ${epoch}`)]);
    const names = [...Object.keys(initializeWeights(spec, createRandom(0))), fittedRepeatWeights];
    expect(Object.keys(model.weights).sort()).toEqual(names.sort());
    expect(await readdir(root)).toEqual(['artifacts']);
  });

  it('fits the repeat bonus on the validation window, which the fit has not seen', { tags: 'full' }, async () => {
    const root = await temporaryFolder();
    const model = await storedModel(root, (await run(root, { model: { ...smallModel, repeatBonus: true } })).modelId!);
    const { state } = await openModelState(createFolderArtifactStore(join(root, 'artifacts')), model, 'fit');
    const { validationFrom, testFrom: validationBefore } = dataset.split;
    const validation = heldOutWindow(dataset, validationFrom, validationBefore);
    const fitted = { data: dataset, spec: model.info.spec, weights: state.weights };
    const expected = await fitHeldOutRepeats(fitted, validation);
    expect(Object.keys(expected)).toEqual([fittedRepeatWeights]);
    expect(model.weights[fittedRepeatWeights]).toEqual(expected[fittedRepeatWeights]);
    expect(state.weights[fittedRepeatWeights]).toBeUndefined();
    // The fit replaces earlier weights.
    const again = { ...fitted, weights: { ...state.weights, ...expected } };
    expect((await fitHeldOutRepeats(again, validation))[fittedRepeatWeights]!.data[0]).toBeCloseTo(
      expected[fittedRepeatWeights]!.data[0]!,
      2,
    );
    const spec = { ...fitted.spec, config: { ...fitted.spec.config, repeatBonus: false } };
    expect(await fitHeldOutRepeats({ ...fitted, spec }, validation)).toEqual({});
  });

  it('reads the repeats of a held-out user: inputs of the behaviors, labels, and the mass of the other candidates', () => {
    const day = 24 * 3_600_000;
    const sequences = { items: Int32Array.of(1, 2, 1, 4), times: [0, day, 2 * day, 3 * day] };
    const user = { start: 0, end: 4, queryTime: 3 * day, truth: { items: Int32Array.of(1, 3), absent: 1 } };
    const scores = Float32Array.of(-Infinity, 0.5, -1, 2, -Infinity, 1);
    const { inputs, isLabel, logOthers, labelCount } = repeatExampleOf(
      user as Parameters<typeof repeatExampleOf>[0],
      scores,
      { sequences } as unknown as Parameters<typeof repeatExampleOf>[2],
      { sequenceLength: 5, distinctBehaviors: true },
    );
    // Item 4 is no candidate. Item 1 has the count 2 and is a day old, item 2 is two days old. Age buckets: 9 and 11.
    const logThree = Math.log(3) / 3;
    const expected = [
      [0.5, 1, Math.log(2), 0.8, logThree, 0.8 * Math.log(2)],
      [-1, 1, 0, 1, logThree, 0],
    ].flat();
    expect([...inputs]).toEqual(expected.map((value) => expect.closeTo(value, 5) as number));
    expect([...isLabel]).toEqual([1, 0]);
    expect(logOthers).toBeCloseTo(Math.log(Math.exp(2) + Math.exp(1)), 5);
    expect(labelCount).toBe(2);
  });

  it('keeps the weights of the best epoch of the fit without a refit', async () => {
    const root = await temporaryFolder();
    // With 24 things and a cutoff of 50, recall is equal in every epoch, so the first one is the best.
    const { modelId, epochs } = await run(root, { training: { refit: false } });
    const short = await run(await temporaryFolder(), { training: { refit: false, patience: 1 } });
    expect(epochs).toEqual(['fit 1', 'fit 2', 'fit 3']);
    expect(short.epochs).toEqual(['fit 1', 'fit 2']);
    const model = await storedModel(root, modelId!);
    expect(model.info.refit).toEqual([]);
    expect(model.info.bestEpoch).toBe(1);
  });

  it('reports the progress of every step', async () => {
    const config = shopConfig({ model: cheapModel });
    const steps: TrainingProgress[] = [];
    let clock = 0;
    const root = await temporaryFolder();
    const { model, training } = resolveModel(config);
    await trainModel({
      store: createFolderArtifactStore(root),
      dataset,
      model,
      training: { ...training, epochs: 1 },
      checkpoints: join(root, 'checkpoints'),
      onProgress: (progress) => void steps.push(progress),
      // A step takes two seconds.
      now: () => (clock += 2000),
    });
    const [{ total } = { total: 0 }] = steps;
    expect(steps.slice(0, total).map(({ phase, epoch, epochs, done }) => [phase, epoch, epochs, done])).toEqual(
      Array.from({ length: total }, (_, step) => ['fit', 1, 1, step + 1]),
    );
    // The estimate assumes that the refit takes as many steps as the fit.
    expect(steps[0]).toMatchObject({ examplesPerSecond: 16, etaSeconds: 2 * (2 * total - 1) });
    expect(steps.at(-1)).toMatchObject({ phase: 'refit', epoch: 1, epochs: 1, etaSeconds: 0 });
    expect(steps.at(-1)!.done).toBe(steps.at(-1)!.total);
  });

  it('never uses the test window: changes in it do not change the model', async () => {
    const original = shopEvents();
    const mutated = original.map((event) =>
      event.occurredAt >= testFrom ? { ...event, itemId: event.itemId === 'thing01' ? 'thing02' : 'thing01' } : event,
    );
    const options = { model: smallModel, training: { epochs: 1 } };
    const untouched = await run(await temporaryFolder(), options);
    const other = await run(await temporaryFolder(), { ...options, of: shopDataset(mutated) });
    expect(untouched.modelId).toBeDefined();
    expect(other.modelId).toBe(untouched.modelId);
  });

  it('trains all epochs if no user is in the validation window', async () => {
    const { validationFrom } = dataset.split;
    const events = shopEvents().map((event, index) =>
      event.occurredAt >= validationFrom && event.occurredAt < testFrom ? { ...event, userId: `new${index}` } : event,
    );
    const root = await temporaryFolder();
    const { modelId, epochs } = await run(root, { of: shopDataset(events) });
    expect(epochs).toEqual(['fit 1', 'fit 2', 'fit 3', 'refit 1', 'refit 2', 'refit 3']);
    expect((await storedModel(root, modelId!)).info).toMatchObject({ bestEpoch: 3 });
  });

  it('trains another model with another seed', { tags: 'full' }, async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(async (seed) => run(await temporaryFolder(), { training: { seed, epochs: 1, refit: false } })),
    );
    expect(one!.modelId).not.toBe(two!.modelId);
  });
});

describe('an interrupted training', () => {
  const refits = { fit: { training: { refit: false } }, both: {}, facet: { model: smallModel } };
  // Uninterrupted trainings, without and with a refit, and of `facet`. A refit costs as much as the fit, so tests of a fit do without.
  const whole = {} as Record<keyof typeof refits, Run>;
  beforeAll(async () => {
    const root = await mkdtemp(join(tmpdir(), 'facet-pipeline-'));
    whole.fit = await run(join(root, 'fit'), refits.fit);
    whole.both = await run(join(root, 'both'), refits.both);
    whole.facet = await run(join(root, 'facet'), refits.facet);
    await rm(root, { recursive: true, force: true });
  });

  it.each([
    ['fit 1', 'abort', 'fit'],
    ['fit 2', 'crash', 'fit'],
    ['fit 3', 'crash', 'both'],
    ['refit 1', 'crash', 'facet'],
  ] as const)('resumes after %s and %s with the same result', { tags: 'full' }, async (killAfter, way, phases) => {
    const root = await temporaryFolder();
    const killed = await run(root, { ...refits[phases], killAfter, way });
    expect(killed.modelId).toBeUndefined();
    expect(killed.epochs.at(-1)).toBe(killAfter);
    if (way === 'abort') expect(killed.error).toMatchObject({ code: 'MODEL_ABORTED', retryable: true });
    const resumed = await run(root, refits[phases]);
    expect(resumed.error).toBeUndefined();
    expect([...killed.epochs, ...resumed.epochs]).toEqual(whole[phases].epochs);
    // The id is the hash of all weights and curves.
    expect(resumed.modelId).toBe(whole[phases].modelId);
  });

  it.each([
    ['fit 1', 'fit'],
    ['fit 3', 'both'],
  ] as const)('repeats an epoch that was interrupted after %s', { tags: 'full' }, async (killAfter, phases) => {
    const root = await temporaryFolder();
    const killed = await run(root, { ...refits[phases], killAfter, stepsAfter: 2 });
    expect(killed.error).toMatchObject({ message: 'killed' });
    expect(killed.epochs.at(-1)).toBe(killAfter);
    const resumed = await run(root, refits[phases]);
    expect([...killed.epochs, ...resumed.epochs]).toEqual(whole[phases].epochs);
    expect(resumed.modelId).toBe(whole[phases].modelId);
  });

  it('reports a diverged epoch, also in model.json, and resumes with the lower rate', { tags: 'full' }, async () => {
    const options = { model: smallModel, training: { learningRate: 2.8, epochs: 2, refit: false } };
    const unstopped = await run(await temporaryFolder(), options);
    expect(unstopped.error).toBeUndefined();
    expect(unstopped.diverged.length).toBeGreaterThan(0);
    expect(unstopped.diverged[0]).toMatch(
      /^fit: In epoch 1, step \d+, the loss .*learning rate 2\.8;.* half the learning rate\.$/,
    );
    const root = await temporaryFolder();
    await run(root, { ...options, killAfter: 'fit 1', way: 'crash' });
    const resumed = await run(root, options);
    expect(resumed.modelId).toBe(unstopped.modelId);
    const { fit } = (await storedModel(root, resumed.modelId!)).info;
    expect(fit.flatMap(({ diverged = [] }) => diverged)).toHaveLength(unstopped.diverged.length);
  });

  it('does not continue a fit that early stopping has ended', { tags: 'full' }, async () => {
    const training = { patience: 1 };
    const stopped = await run(await temporaryFolder(), { training });
    expect(stopped.epochs).toEqual(['fit 1', 'fit 2', 'refit 1']);
    const root = await temporaryFolder();
    await run(root, { training, killAfter: 'fit 2', way: 'crash' });
    const resumed = await run(root, { training });
    expect(resumed.epochs).toEqual(['refit 1']);
    expect(resumed.modelId).toBe(stopped.modelId);
  });

  it.each([
    [
      'the paper variant, which redraws logits and negatives,',
      { model: { variant: 'mind', negatives: 8 }, training: { epochs: 2, refit: false } },
    ],
    ['a run with enough steps for a batch thread', { training: { batchSize: 1, epochs: 4, refit: false } }],
  ])('%s resumes exactly', { tags: 'full' }, async (_, options) => {
    const unstopped = await run(await temporaryFolder(), options);
    const root = await temporaryFolder();
    await run(root, { ...options, killAfter: 'fit 1', way: 'abort' });
    const resumed = await run(root, options);
    expect(resumed.epochs[0]).toBe('fit 2');
    expect(resumed.modelId).toBe(unstopped.modelId);
  });

  it('starts from the beginning if its checkpoint is damaged', async () => {
    const root = await temporaryFolder();
    await run(root, { ...refits.fit, killAfter: 'fit 2', way: 'crash' });
    await truncate(join(root, 'checkpoints', 'full', 'fit-3-window', 'last-optimizer.safetensors'), 40);
    const resumed = await run(root, refits.fit);
    expect(resumed.epochs[0]).toBe('fit 1');
    expect(resumed.modelId).toBe(whole.fit.modelId);
  });
});

describe('checkpoints', () => {
  const state = (value: number): TrainingState => ({
    weights: { 'routing/S': { shape: [2, 1], data: Float32Array.of(value, -value) } },
    optimizer: { steps: { shape: [], data: Float32Array.of(value) } },
  });
  const checkpoint = (epoch: number): LoopProgress => ({
    curve: Array.from({ length: epoch }, (_, past) => ({
      epoch: past + 1,
      loss: 1 / (past + 3),
      firstLoss: 1 / (past + 2),
      score: 0.1 * past,
      examples: 7,
    })),
    bestEpoch: 1,
    best: { weights: state(10).weights, optimizer: state(1).optimizer },
    last: state(epoch),
    average: { weights: state(10 * epoch).weights, sampleCount: 8 * epoch },
  });

  it('return what was saved last', async () => {
    const folder = join(await temporaryFolder(), 'run', 'fit');
    expect(await loadCheckpoint(folder)).toBeUndefined();
    for (const epoch of [1, 2]) {
      await saveCheckpoint(folder, checkpoint(epoch));
      expect(await loadCheckpoint(folder)).toEqual(checkpoint(epoch));
    }
    expect(await readdir(join(folder, '..'))).toEqual(['fit']);
  });

  it('store a state once that is both the best and the newest', async () => {
    const folder = join(await temporaryFolder(), 'fit');
    await saveCheckpoint(folder, checkpoint(1));
    expect(await readdir(folder)).toEqual([
      'average-weights.safetensors',
      'last-optimizer.safetensors',
      'last-weights.safetensors',
      'progress.json',
    ]);
    expect(await loadCheckpoint(folder)).toEqual(checkpoint(1));
    const withoutAverage = { ...checkpoint(1), best: state(1), average: undefined };
    await saveCheckpoint(folder, withoutAverage);
    expect(await loadCheckpoint(folder)).toEqual(withoutAverage);
  });

  it.each([
    'last-weights.safetensors',
    'last-optimizer.safetensors',
    'best-weights.safetensors',
    'best-optimizer.safetensors',
    'average-weights.safetensors',
    'progress.json',
  ])('are unreadable with a damaged %s', async (file) => {
    const folder = join(await temporaryFolder(), 'fit');
    await saveCheckpoint(folder, checkpoint(2));
    await truncate(join(folder, file), 9);
    expect(await loadCheckpoint(folder)).toBeUndefined();
  });

  it('preserve the old or the new one if the process crashes while saving', async () => {
    const parent = await temporaryFolder();
    const folder = join(parent, 'fit');
    await saveCheckpoint(folder, checkpoint(1));
    // While writing the new one.
    await mkdir(`${folder}.tmp`);
    await writeFile(join(`${folder}.tmp`, 'progress.json'), '{"curve":');
    expect(await loadCheckpoint(folder)).toEqual(checkpoint(1));
    // Between the two renames.
    await rename(folder, `${folder}.previous`);
    expect(await loadCheckpoint(folder)).toEqual(checkpoint(1));
    await saveCheckpoint(folder, checkpoint(2));
    expect(await loadCheckpoint(folder)).toEqual(checkpoint(2));
    expect(await readdir(parent)).toEqual(['fit']);
  });
});

describe('the model artifact', () => {
  it('is rejected after a change of one byte', async () => {
    const root = await temporaryFolder();
    const { modelId } = await run(root, { training: { epochs: 1 } });
    await appendFile(join(root, 'artifacts', 'model', modelId!, 'weights.safetensors'), 'x');
    await expect(storedModel(root, modelId!)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
  });
});
