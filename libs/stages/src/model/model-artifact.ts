import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { useArtifact } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { readWeights, writeWeights } from '@facet/bundles';
import { FitLabels, ModelSpec, TrainingConfig } from '@facet/model';
import type { Weights } from '@facet/model';
import type { TrainingState } from '@facet/model/training';
import { AppError, parseWith } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { FitScore } from '@facet/runs';

/** The fit chooses the number of epochs on the validation window. The refit trains as many with that window included. */
export const TrainingPhase = Type.Union([Type.Literal('fit'), Type.Literal('refit')]);
export type TrainingPhase = Static<typeof TrainingPhase>;

const Divergence = Type.Object({
  epoch: Type.Integer(),
  step: Type.Integer(),
  kind: Type.Union([
    Type.Literal('loss-not-finite'),
    Type.Literal('loss-risen'),
    Type.Literal('weights-not-finite'),
    Type.Literal('score-not-finite'),
  ]),
  learningRate: Type.Number(),
  losses: Type.Array(Type.Number()),
});

const Epoch = Type.Object({
  epoch: Type.Integer(),
  loss: Type.Number(),
  /** Absent in models of other programs. */
  firstLoss: Type.Optional(Type.Number()),
  /** Diverged attempts at the epoch. Each one halves the learning rate. */
  diverged: Type.Optional(Type.Array(Divergence)),
  score: Type.Optional(Type.Number()),
  examples: Type.Integer(),
});

/** A training state that a later training can start from. */
const StateInfo = Type.Object({
  /** The phase that ended with this state. */
  phase: TrainingPhase,
  /** Epoch milliseconds. The training, and the ones before it in the chain, used no data at or after this time. */
  seenBefore: Type.Integer(),
});
export type StateInfo = Static<typeof StateInfo>;

/** The start of a training. */
export const TrainingStart = Type.Union([
  Type.Object({
    /** From random weights. */
    kind: Type.Literal('full'),
    /** The model of a requested warm start, and why training did not start from it. */
    refused: Type.Optional(Type.Object({ modelId: Type.String(), reason: Type.String() })),
  }),
  Type.Object({
    /** From the states of an earlier model. */
    kind: Type.Literal('warm'),
    modelId: Type.String(),
    /** The state that each phase started from. */
    from: Type.Array(Type.Object({ phase: TrainingPhase, state: StateInfo })),
    /** The first model of the chain, which was trained in full, and the end of its data. */
    lastFull: Type.Object({ modelId: Type.String(), seenBefore: Type.Integer() }),
  }),
]);
export type TrainingStart = Static<typeof TrainingStart>;

/** Increase this when the content of `model.json` changes. Models of another format are refused. */
export const modelFormat = 4 as const;

/** The content of `model.json`. */
export const ModelInfo = Type.Object({
  formatVersion: Type.Literal(modelFormat),
  datasetId: Type.String(),
  spec: ModelSpec,
  /** Contains `warm` only if the training was a warm start. */
  training: Type.Object({
    ...TrainingConfig.properties,
    labels: FitLabels,
    warm: Type.Optional(TrainingConfig.properties.warm),
  }),
  /** The training curves of the two phases. */
  fit: Type.Array(Epoch),
  refit: Type.Array(Epoch),
  bestEpoch: Type.Integer(),
  /** The program that trained the model, if it was not Facet. */
  program: Type.Optional(Type.String()),
  /** The validation scores of the compared fits, if there were several. */
  fitScores: Type.Optional(Type.Array(FitScore)),
  start: TrainingStart,
  /**
   * The states that later trainings can start from. The weights of the last one are the weights of the model. Absent in models of other
   * programs.
   */
  states: Type.Optional(
    Type.Object({
      /** `stateVersion` of @facet/model. */
      version: Type.Integer(),
      /** The hash of the rules by which events became interactions. */
      interactionRules: Type.String(),
      phases: Type.Array(StateInfo),
    }),
  ),
});
export type ModelInfo = Static<typeof ModelInfo>;

/** K and labels of a model. `fitScores` exists if the training compared several fits. */
export interface FitChoice extends Pick<ModelInfo, 'fitScores'> {
  readonly interests: number;
  readonly labels: FitLabels;
}

export function fitChoiceOf({ spec, training: { labels }, fitScores }: ModelInfo): FitChoice {
  const { interests } = spec.config;
  return fitScores === undefined ? { interests, labels } : { interests, labels, fitScores };
}

export interface Model {
  readonly id: string;
  readonly info: ModelInfo;
  readonly weights: Weights;
}

/** The states of a model's phases, with the ids of the items that have an embedding row. */
export interface ModelStates {
  /** [trainedCount + 1]; position 0 is a placeholder. */
  readonly itemIds: readonly string[];
  /** Parallel to `info.states.phases`. */
  readonly phases: readonly TrainingState[];
}

const files = {
  info: 'model.json',
  weights: 'weights.safetensors',
  itemIds: 'item-ids.json',
  stateWeights: (phase: TrainingPhase) => `${phase}-weights.safetensors`,
  optimizer: (phase: TrainingPhase) => `${phase}-optimizer.safetensors`,
} as const;

type InfoWithStates = ModelInfo & Required<Pick<ModelInfo, 'states'>>;

/** Stores a model: the weights of its last phase, and the states for later warm starts. */
export async function putModel(store: ArtifactStore, info: InfoWithStates, states: ModelStates): Promise<ArtifactRef> {
  return putModelFiles(store, info, async (folder) => {
    await writeFile(join(folder, files.itemIds), `${JSON.stringify(states.itemIds)}\n`);
    for (const [position, { weights, optimizer }] of states.phases.entries()) {
      const { phase } = info.states.phases[position]!;
      await writeWeights(join(folder, weightsFile(info.states.phases, phase)), weights);
      await writeWeights(join(folder, files.optimizer(phase)), optimizer);
    }
  });
}

/** Stores a model that another program trained. No later training can start from it. */
export async function putImportedModel(store: ArtifactStore, info: ModelInfo, weights: Weights): Promise<ArtifactRef> {
  return putModelFiles(store, info, (folder) => writeWeights(join(folder, files.weights), weights));
}

/** Stores a model. `write` adds the files other than `model.json`. */
async function putModelFiles(
  store: ArtifactStore,
  info: ModelInfo,
  write: (folder: string) => Promise<void>,
): Promise<ArtifactRef> {
  const { formatVersion, datasetId } = info;
  return store.put(
    'model',
    async (folder) => {
      await writeFile(join(folder, files.info), `${JSON.stringify(info, null, 2)}\n`);
      await write(folder);
    },
    { formatVersion, datasetId },
  );
}

/** Reads `model.json` without the weights. @throws AppError as {@link openModel}. */
export async function readModelInfo(store: ArtifactStore, id: string): Promise<ModelInfo> {
  return useArtifact(store, { kind: 'model', id }, ({ folder }) => readInfo(folder, id), [files.info]);
}

async function readInfo(folder: string, id: string): Promise<ModelInfo> {
  const info: unknown = JSON.parse(await readFile(join(folder, files.info), 'utf8'));
  const format = (info as Partial<ModelInfo> | null)?.formatVersion;
  if (format !== modelFormat) {
    throw new AppError(
      `Model ${id} has the format ${format}, but this version of Facet reads the format ${modelFormat}.`,
      {
        code: 'MODEL_OUTDATED',
        category: 'artifact',
        remedy: 'Train the model again with facet train.',
        context: { modelId: id, format: format ?? null },
      },
    );
  }
  return parseWith(ModelInfo, info, { source: `model ${id}` });
}

/**
 * Reads a model without its states.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `MODEL_OUTDATED` for another format, `CONFIG_INVALID`.
 */
export async function openModel(store: ArtifactStore, id: string): Promise<Model> {
  return useArtifact(store, { kind: 'model', id }, async ({ folder }) => {
    const info = await readInfo(folder, id);
    return { id, info, weights: await readWeights(join(folder, files.weights)) };
  });
}

/** Reads the item ids of a model and one of its states. @throws AppError as {@link openModel}. */
export async function openModelState(
  store: ArtifactStore,
  { id, info: { states } }: Pick<Model, 'id' | 'info'>,
  phase: TrainingPhase,
): Promise<{ readonly itemIds: readonly string[]; readonly state: TrainingState }> {
  const phases = states?.phases ?? [];
  return useArtifact(store, { kind: 'model', id }, async ({ folder }) => ({
    itemIds: JSON.parse(await readFile(join(folder, files.itemIds), 'utf8')) as string[],
    state: {
      weights: await readWeights(join(folder, weightsFile(phases, phase))),
      optimizer: await readWeights(join(folder, files.optimizer(phase))),
    },
  }));
}

/** The weights of the last phase are the weights of the model, and are stored once. */
function weightsFile(phases: readonly StateInfo[], phase: TrainingPhase): string {
  return phase === phases.at(-1)?.phase ? files.weights : files.stateWeights(phase);
}
