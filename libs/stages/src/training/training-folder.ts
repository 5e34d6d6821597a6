import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors } from '@facet/artifacts';
import type { ArtifactStore, SafeTensor } from '@facet/artifacts';
import {
  goldenBehaviors,
  GoldenVector,
  largestDifference,
  readWeights,
  recordGoldenVector,
  writeWeights,
} from '@facet/bundles';
import { ageBucketCount, createRandom, interactionsUntil, maxRepeatCount } from '@facet/features';
import type { Examples } from '@facet/features';
import {
  createInferenceEngine,
  fitConfigs,
  FitLabels,
  initializeWeights,
  ModelConfig,
  ModelSpec,
  negativesOf,
  TrainingConfig,
} from '@facet/model';
import type { ModelSettings, Weights } from '@facet/model';
import {
  countEpochs,
  defaultDenseRowsMax,
  maxLabels,
  noExamples,
  poolItemRows,
  scalarScale,
  trainingExamples,
} from '@facet/model/batches';
import { AppError, describeError, parseWith, readTextIfExists } from '@facet/platform';
import { Type } from 'typebox';
import type { Static, TSchema } from 'typebox';
import { hashJson } from '../stage.ts';
import { openDataset } from '../dataset/dataset-artifact.ts';
import type { Dataset, ModelData } from '../dataset/dataset.ts';
import { behaviorsOf, userFeaturesOf } from '../indexing/sample-interests.ts';
import { embedCatalog, modelSpecOf } from '../model/model-spec.ts';
import { modelFormat, putImportedModel } from '../model/model-artifact.ts';

/** The files that Facet writes for another training program, and those that the program writes. docs/external-training.md describes them. */
const files = {
  info: 'training.json',
  data: 'data.safetensors',
  initial: 'initial.safetensors',
  golden: 'golden.json',
  weights: 'weights.safetensors',
  result: 'result.json',
} as const;

/** Increase this when a program needs to read other settings or files. */
const folderFormat = 3 as const;

/** The content of `training.json`. */
const TrainingInfo = Type.Object({
  formatVersion: Type.Literal(folderFormat),
  dataset: Type.Object({
    id: Type.String(),
    /** Epoch milliseconds. Use later interactions only to choose settings. */
    validationFrom: Type.Integer(),
    /** Epoch milliseconds. The folder has no interactions from here on. */
    testFrom: Type.Integer(),
  }),
  spec: ModelSpec,
  training: Type.Object({ ...TrainingConfig.properties, labels: FitLabels }),
  /** The epochs of the learning-rate schedule, never `auto`. */
  epochs: Type.Integer(),
  /** The setting of the model for this catalog, never `auto`. */
  negatives: ModelConfig.properties.negatives,
  /** `scalarScale` of @facet/model. */
  scalarScale: Type.Number(),
  /** The embedding tables that items are pooled from. */
  tables: Type.Array(Type.String()),
  limits: Type.Object({
    ageBuckets: Type.Integer(),
    /** Repeats of a behavior. */
    countMax: Type.Integer(),
    /** Per example. */
    labelsMax: Type.Integer(),
    /** Rows of a table above which Adam updates only the used rows. */
    denseRowsMax: Type.Integer(),
  }),
});
type TrainingInfo = Static<typeof TrainingInfo>;

/** The content of `result.json`. */
const TrainingResult = Type.Object({
  /** Name and version of the program. */
  program: Type.String({ minLength: 1, maxLength: 200 }),
  epochs: Type.Array(
    Type.Object({
      loss: Type.Number(),
      examples: Type.Integer(),
    }),
  ),
});

const goldenUsers = 20;
/** Maximum difference per coordinate between an interest of the program and that of Facet. */
const differenceMax = 1e-4;

/**
 * Writes the data before the test window, the initial weights, and the inputs of the golden vectors for another training program.
 *
 * @param folder New or empty.
 * @throws AppError `TRAINING_FOLDER_NOT_EMPTY`, `MODEL_NO_EXAMPLES`
 */
export async function writeTrainingFolder(folder: string, dataset: Dataset, settings: ModelSettings): Promise<void> {
  const [training] = fitConfigs(settings.training);
  const { split } = dataset;
  const spec = modelSpecOf(settings.model, dataset);
  const weights = initializeWeights(spec, createRandom(training.seed));
  const names = await mkdir(folder, { recursive: true, mode: 0o700 }).then(
    () => readdir(folder),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return [folder];
      throw error;
    },
  );
  if (names.length > 0) {
    throw new AppError(`${folder} is not an empty folder.`, {
      code: 'TRAINING_FOLDER_NOT_EMPTY',
      category: 'usage',
      remedy: 'Pass a new or empty one.',
    });
  }
  const known = { ...dataset, sequences: interactionsUntil(dataset.sequences, split.testFrom) };
  const golden = goldenInputs(known, spec.config);
  const examples = trainingExamples(known.sequences, training, Number.POSITIVE_INFINITY);
  if (examples.count === 0) throw noExamples();
  const epochs = countEpochs(training, examples);
  const info = describeTraining(dataset, { spec, training, epochs });
  await writeSafetensors(join(folder, files.data), trainingTensors(known, examples));
  await writeWeights(join(folder, files.initial), weights);
  await writeFile(join(folder, files.golden), JSON.stringify(golden));
  await writeFile(join(folder, files.info), `${JSON.stringify(info, null, 2)}\n`);
}

/**
 * Stores the model that another program trained in a folder of {@link writeTrainingFolder}.
 *
 * @throws AppError `TRAINING_FOLDER_STALE` if the settings have changed, `TRAINING_RESULT_INVALID` for missing or damaged files, missing,
 *   misshapen or infinite weights, and golden vectors that Facet computes differently; `ARTIFACT_NOT_FOUND` without the dataset.
 */
export async function importTrainedModel(
  store: ArtifactStore,
  folder: string,
  settings: ModelSettings,
): Promise<{ readonly datasetId: string; readonly modelId: string }> {
  const info = await readJson(folder, files.info, TrainingInfo, `${folder} is not a folder of facet train --export.`);
  const dataset = await openDataset(store, info.dataset.id);
  const spec = modelSpecOf(settings.model, dataset);
  const [training] = fitConfigs(settings.training);
  refuseOtherSettings(folder, info, { spec, training });
  const result = await readJson(folder, files.result, TrainingResult);
  const weights = await readWeights(join(folder, files.weights)).catch((error: unknown) => {
    throw invalidResult(`${join(folder, files.weights)} is missing or damaged.`, error);
  });
  checkWeights(weights, initializeWeights(spec, createRandom(training.seed)));
  checkGolden(await readJson(folder, files.golden, Type.Array(GoldenVector)), dataset, spec, weights);
  const ref = await putImportedModel(
    store,
    {
      formatVersion: modelFormat,
      datasetId: dataset.id,
      spec,
      training,
      program: result.program,
      fit: [],
      refit: result.epochs.map((epoch, position) => ({ epoch: position + 1, ...epoch })),
      bestEpoch: result.epochs.length,
      start: { kind: 'full' },
    },
    weights,
  );
  return { datasetId: dataset.id, modelId: ref.id };
}

function refuseOtherSettings(
  folder: string,
  exported: TrainingInfo,
  now: Pick<TrainingInfo, 'spec' | 'training'>,
): void {
  const changed = [
    ...changedKeys(exported.spec.config, now.spec.config).map((key) => `model.${key}`),
    ...changedKeys(exported.training, now.training).map((key) => `training.${key}`),
  ];
  if (changed.length === 0) return;
  throw new AppError(`Since the export to ${folder}, these settings have changed: ${changed.join(', ')}.`, {
    code: 'TRAINING_FOLDER_STALE',
    category: 'usage',
    remedy: `Restore the values of ${files.info} in facet.yaml, or export to a new folder and train again.`,
    context: { changed },
  });
}

function changedKeys<Settings extends object>(before: Settings, after: Settings): string[] {
  const keys = Object.keys({ ...before, ...after }) as (keyof Settings & string)[];
  return keys.filter((key) => hashJson([before[key]]) !== hashJson([after[key]]));
}

function describeTraining(
  dataset: Dataset,
  { spec, training, epochs }: Pick<TrainingInfo, 'spec' | 'training' | 'epochs'>,
): TrainingInfo {
  return {
    formatVersion: folderFormat,
    dataset: { id: dataset.id, ...dataset.split },
    spec,
    training,
    epochs,
    negatives: negativesOf(spec.config, dataset.vocabulary.trainedCount),
    scalarScale,
    tables: poolsOf(dataset).map(({ table }) => table),
    limits: {
      ageBuckets: ageBucketCount,
      countMax: maxRepeatCount,
      labelsMax: maxLabels,
      denseRowsMax: defaultDenseRowsMax,
    },
  };
}

function poolsOf({ items, vocabulary, itemFeatures }: ModelData): ReturnType<typeof poolItemRows> {
  return poolItemRows({ itemCount: items.length - 1, trainedCount: vocabulary.trainedCount, features: itemFeatures });
}

function trainingTensors(data: ModelData, examples: Examples): Record<string, SafeTensor> {
  const { sequences, userFeatures, items } = data;
  const rows = items.length;
  const I32 = (data: Int32Array, shape = [data.length]): SafeTensor => ({ dtype: 'I32', shape, data });
  const F64 = (data: Float64Array): SafeTensor => ({ dtype: 'F64', shape: [data.length], data });
  const tensors: Record<string, SafeTensor> = {
    'sequences/offsets': I32(sequences.offsets),
    'sequences/items': I32(sequences.items),
    'sequences/times': F64(sequences.times),
    'examples/user': I32(examples.user),
    'examples/start': I32(examples.start),
    'examples/end': I32(examples.end),
    'examples/labelEnd': I32(examples.labelEnd),
    'examples/time': F64(examples.time),
    candidates: I32(
      Int32Array.from(new Set(sequences.items))
        .filter((item) => item > 0)
        .sort(),
    ),
  };
  for (const { table, slots, rows: pool, weights } of poolsOf(data)) {
    tensors[`pool/${table}/rows`] = I32(pool, [rows, slots]);
    tensors[`pool/${table}/weights`] = { dtype: 'F32', shape: [rows, slots], data: weights };
  }
  for (const { schema, rows: values } of userFeatures) tensors[`profile/${schema.name}`] = I32(values);
  return tensors;
}

/** Returns golden inputs of random users as of the newest interaction, without interests. */
function goldenInputs(
  data: ModelData,
  config: Pick<ModelConfig, 'sequenceLength' | 'distinctBehaviors'>,
): GoldenVector[] {
  const { offsets, userIds, times } = data.sequences;
  const at = times.reduce((newest, time) => Math.max(newest, time), 0);
  const users = Int32Array.from(userIds.keys()).filter((user) => offsets[user]! < offsets[user + 1]!);
  createRandom(0).shuffle(users);
  return Array.from(users.subarray(0, goldenUsers), (user) => {
    const { items, ages, counts } = behaviorsOf(data, config, user, at);
    const profile = userFeaturesOf(data, user);
    return { items: [...items], ages: [...ages], counts: [...counts], profile, userRow: user, interests: [] };
  });
}

function checkWeights(weights: Weights, expected: Weights): void {
  for (const [name, { shape }] of Object.entries(expected)) {
    const given = weights[name];
    if (given === undefined) throw invalidResult(`The weight ${name} is missing.`);
    if (given.shape.join() !== shape.join()) {
      throw invalidResult(`The weight ${name} has the shape [${given.shape}] instead of [${shape}].`);
    }
    if (!given.data.every(Number.isFinite)) throw invalidResult(`The weight ${name} has values that are not finite.`);
  }
  const unknown = Object.keys(weights).find((name) => !Object.hasOwn(expected, name));
  if (unknown !== undefined) throw invalidResult(`The weight ${unknown} is unknown.`);
}

/** Compares the interests of the program with those that Facet computes from the same inputs. */
function checkGolden(golden: readonly GoldenVector[], dataset: Dataset, spec: ModelSpec, weights: Weights): void {
  const engine = createInferenceEngine(spec, weights, embedCatalog(spec, weights, dataset));
  const known = { ...dataset, sequences: interactionsUntil(dataset.sequences, dataset.split.testFrom) };
  const D = spec.config.embeddingDim;
  for (const [position, input] of goldenInputs(known, spec.config).entries()) {
    const own = recordGoldenVector(engine, goldenBehaviors(input), input.profile, input.userRow).interests;
    const given = golden[position]?.interests ?? [];
    if (given.length !== own.length) {
      throw invalidResult(`Golden vector ${position} has ${given.length} interests; Facet computes ${own.length}.`);
    }
    const [expected, actual] = [own, given].map((interests) => interests.map((interest) => interest.slice(0, D)));
    const difference = largestDifference(expected!, actual!);
    if (difference > differenceMax) {
      throw invalidResult(
        `Golden vector ${position} differs from Facet by ${difference.toPrecision(3)} (limit ${differenceMax}).`,
      );
    }
  }
}

function invalidResult(problem: string, cause?: unknown): AppError {
  return new AppError(`The trained model cannot be imported: ${problem}`, {
    code: 'TRAINING_RESULT_INVALID',
    category: 'input',
    remedy: 'Correct the folder or the training program. docs/external-training.md describes the files.',
    cause,
  });
}

/** Reads a JSON file of the folder. @throws AppError `TRAINING_RESULT_INVALID` */
async function readJson<Schema extends TSchema>(
  folder: string,
  file: string,
  schema: Schema,
  missing = `${join(folder, file)} is missing.`,
): Promise<Static<Schema>> {
  const path = join(folder, file);
  const text = await readTextIfExists(path);
  if (text === undefined) throw invalidResult(missing);
  try {
    return parseWith(schema, JSON.parse(text), { source: path });
  } catch (error) {
    throw invalidResult(`${path} is invalid. ${describeError(error)}`, error);
  }
}
