import type { ArtifactStore } from '@facet/artifacts';
import type { TimeSplit } from '@facet/features';
import { fitConfigs } from '@facet/model';
import type { ModelSettings, TrainingConfig } from '@facet/model';
import { stateVersion } from '@facet/model/training';
import { isAppError } from '@facet/platform';
import type { Dataset } from '../dataset/dataset.ts';
import { hashJson } from '../stage.ts';
import { openModel } from '../model/model-artifact.ts';
import { canProduce } from '../model/model-spec.ts';
import type { Model, ModelInfo, StateInfo, TrainingPhase, TrainingStart } from '../model/model-artifact.ts';

type WarmStart = Extract<TrainingStart, { kind: 'warm' }>;
export type PhaseBound = { readonly phase: TrainingPhase; readonly heldOutFrom: number };

/** Returns the phases of a training, each with the time from which data is held out from it (epoch milliseconds). */
export function phasesOf({ validationFrom, testFrom }: TimeSplit, { refit }: TrainingConfig): PhaseBound[] {
  const fit: PhaseBound = { phase: 'fit', heldOutFrom: validationFrom };
  return refit ? [fit, { phase: 'refit', heldOutFrom: testFrom }] : [fit];
}

/**
 * Returns, for each phase, the newest state that has not seen the data held out from that phase. Returns undefined if a phase has no
 * such state. Both phases must start in the same way, because the refit trains for as many epochs as the fit selected.
 */
export function chooseStates(
  states: readonly StateInfo[],
  phases: readonly PhaseBound[],
): WarmStart['from'] | undefined {
  const chosen = phases.flatMap(({ phase, heldOutFrom }) => {
    const usable = states.filter(({ seenBefore }) => seenBefore <= heldOutFrom);
    return usable
      .sort((a, b) => b.seenBefore - a.seenBefore)
      .slice(0, 1)
      .map((state) => ({ phase, state }));
  });
  return chosen.length === phases.length ? chosen : undefined;
}

/** The training that a warm start is planned for. */
export interface WantedTraining extends ModelSettings {
  readonly dataset: Dataset;
}

/** Decides what a training starts from. Returns the source model if a warm start is requested and possible. */
export async function planStart(
  store: ArtifactStore,
  wanted: WantedTraining,
  warmFrom: string | undefined,
): Promise<{ readonly start: TrainingStart; readonly source?: Model }> {
  if (warmFrom === undefined) return { start: { kind: 'full' } };
  const refuse = (reason: string) => ({
    start: { kind: 'full' as const, refused: { modelId: warmFrom, reason } },
  });
  const source = await openIfIntact(store, warmFrom);
  if (typeof source === 'string') return refuse(source);
  const { states, program } = source.info;
  if (states === undefined) return refuse(`Another program trained it (${program}), so it has no optimizer state.`);
  const difference = differenceOf(source, states, wanted);
  if (difference !== undefined) return refuse(difference);
  const from = chooseStates(states.phases, phasesOf(wanted.dataset.split, wanted.training));
  if (from === undefined) return refuse('All of its states have seen data that is now held out.');
  return { start: { kind: 'warm', modelId: warmFrom, from, lastFull: lastFullOf(source, states.phases) }, source };
}

/** Returns the model, or why it cannot be opened. */
async function openIfIntact(store: ArtifactStore, id: string): Promise<Model | string> {
  try {
    return await openModel(store, id);
  } catch (error) {
    if (isAppError(error, 'MODEL_OUTDATED')) return 'Another version of Facet trained it.';
    if (isAppError(error, 'ARTIFACT_NOT_FOUND') || isAppError(error, 'ARTIFACT_CORRUPT')) {
      return 'It is missing or damaged.';
    }
    throw error;
  }
}

/** Returns why the new training cannot use the weights of the model, or undefined if it can. */
function differenceOf(
  { info }: Model,
  { version, interactionRules }: NonNullable<ModelInfo['states']>,
  { dataset, model, training }: WantedTraining,
): string | undefined {
  if (version !== stateVersion) return 'Its weights belong to another version.';
  if (!canProduce(model, info.spec.config)) return 'The settings of the model have changed.';
  if (model.extractor.kind === 'user-vectors') {
    return 'Learned user vectors cannot be reused in another training.';
  }
  // A model with labels that a full training compares keeps them.
  const { labels } = fitConfigs(training).find((each) => each.labels === info.training.labels) ?? training;
  if (hashJson(withoutWarm(info.training)) !== hashJson(withoutWarm({ ...training, labels }))) {
    return 'The settings of the training have changed.';
  }
  if (interactionRules !== hashOfRules(dataset)) return 'The rules of interactions have changed.';
  return undefined;
}

/** The settings without `warm`. */
type FullTraining = Omit<TrainingConfig, 'warm'>;

/** Removes the settings of warm starts, which may change along a chain. */
export function withoutWarm(training: FullTraining): FullTraining {
  const full: FullTraining & { warm?: unknown } = { ...training };
  delete full.warm;
  return full;
}

/** Identifies the rules by which the events of a dataset became interactions. */
export function hashOfRules({ info }: Dataset): string {
  return hashJson(info.interactions);
}

function lastFullOf({ id, info }: Model, states: readonly StateInfo[]): WarmStart['lastFull'] {
  if (info.start.kind === 'warm') return info.start.lastFull;
  return { modelId: id, seenBefore: Math.max(...states.map(({ seenBefore }) => seenBefore)) };
}
