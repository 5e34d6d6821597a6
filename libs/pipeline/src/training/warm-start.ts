import type { ArtifactStore } from '@facet/artifacts';
import type { TimeSplit } from '@facet/features';
import type { ModelConfig, TrainingConfig } from '@facet/model';
import { stateVersion } from '@facet/model/training';
import { isAppError } from '@facet/platform';
import type { Dataset } from '../dataset/dataset.ts';
import { hashJson } from '../context/stage-cache.ts';
import { openModel } from '../model/model-artifact.ts';
import type { Model, ModelInfo, StateInfo, TrainingPhase, TrainingStart } from '../model/model-artifact.ts';

type WarmStart = Extract<TrainingStart, { kind: 'warm' }>;
export type PhaseBound = { readonly phase: TrainingPhase; readonly heldOutFrom: number };

/** The phases of a training, each with the moment from which on data is held out from it (epoch milliseconds). */
export function phasesOf({ validationFrom, testFrom }: TimeSplit, { refit }: TrainingConfig): PhaseBound[] {
  const fit: PhaseBound = { phase: 'fit', heldOutFrom: validationFrom };
  return refit ? [fit, { phase: 'refit', heldOutFrom: testFrom }] : [fit];
}

/**
 * For each phase the newest of the states that has seen nothing of what is held out from it, or undefined when one of
 * the phases has none: the number of epochs that a warm fit chooses says nothing about a full refit, nor the reverse.
 */
export function chooseStates(
  states: readonly StateInfo[],
  phases: readonly PhaseBound[],
): WarmStart['from'] | undefined {
  const chosen = phases.flatMap(({ phase, heldOutFrom }) => {
    const blind = states.filter(({ seenBefore }) => seenBefore <= heldOutFrom);
    return blind
      .sort((a, b) => b.seenBefore - a.seenBefore)
      .slice(0, 1)
      .map((state) => ({ phase, state }));
  });
  return chosen.length === phases.length ? chosen : undefined;
}

/** The training that is to start warm. */
export interface WantedTraining {
  readonly dataset: Dataset;
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
}

/** What a training of `dataset` starts from, and the model that it is, when a warm start was wanted and is possible. */
export async function planStart(
  store: ArtifactStore,
  wanted: WantedTraining,
  warmFrom: string | undefined,
): Promise<{ readonly start: TrainingStart; readonly source?: Model }> {
  if (warmFrom === undefined) return { start: { kind: 'full' } };
  const refuse = (because: string) => ({ start: { kind: 'full' as const, refused: { modelId: warmFrom, because } } });
  const source = await openIfSound(store, warmFrom);
  if (typeof source === 'string') return refuse(source);
  const { states } = source.info;
  if (states === undefined) return refuse('It was made by a version that kept no states to start from.');
  const difference = differenceOf(source, states, wanted);
  if (difference !== undefined) return refuse(difference);
  const from = chooseStates(states.phases, phasesOf(wanted.dataset.split, wanted.training));
  if (from === undefined) return refuse('All of its states have seen data that is held out now.');
  return { start: { kind: 'warm', modelId: warmFrom, from, lastFull: lastFullOf(source, states.phases) }, source };
}

/** The model, or why it cannot be opened. */
async function openIfSound(store: ArtifactStore, id: string): Promise<Model | string> {
  try {
    return await openModel(store, id);
  } catch (error) {
    if (isAppError(error, 'MODEL_OUTDATED')) return 'It was made by another version of Facet.';
    if (isAppError(error, 'ARTIFACT_NOT_FOUND') || isAppError(error, 'ARTIFACT_CORRUPT')) {
      return 'It is missing or damaged.';
    }
    throw error;
  }
}

/** What keeps a model's weights from meaning the same in the training that is wanted, or undefined. */
function differenceOf(
  { info }: Model,
  { version, interactionRules }: NonNullable<ModelInfo['states']>,
  { dataset, model, training }: WantedTraining,
): string | undefined {
  if (version !== stateVersion) return 'Its weights are those of another version.';
  const { interests } = info.spec.config;
  if (hashJson(info.spec.config) !== hashJson({ ...model, interests })) {
    return 'The settings of the model have changed.';
  }
  if (interests !== model.interests) {
    return `It has ${interests} interests, and these settings and users have ${model.interests}.`;
  }
  if (model.extractor.kind === 'user-vectors') {
    return 'Vectors of users are parameters of their training, and none are carried to another.';
  }
  if (hashJson(withoutWarm(info.training)) !== hashJson(withoutWarm(training))) {
    return 'The settings of the training have changed.';
  }
  if (interactionRules !== hashOfRules(dataset)) return 'The rules of interactions have changed.';
  return undefined;
}

/** The settings of a full training; those of warm starts may change along a chain. */
export function withoutWarm(training: ModelInfo['training']): Omit<TrainingConfig, 'warm'> {
  const full = { ...training };
  delete full.warm;
  return full;
}

/** Tells the rules by which the events of a dataset became interactions from others. */
export function hashOfRules({ info }: Dataset): string {
  return hashJson(info.interactions);
}

function lastFullOf({ id, info }: Model, states: readonly StateInfo[]): WarmStart['lastFull'] {
  if (info.start?.kind === 'warm') return info.start.lastFull;
  return { modelId: id, seenBefore: Math.max(...states.map(({ seenBefore }) => seenBefore)) };
}
