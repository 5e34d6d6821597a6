import { epochSize } from '@facet/features';
import type { UserSequences } from '@facet/features';
import { modelVariant, modelVariants } from '@facet/model';
import type { ModelSettings, TrainingConfig } from '@facet/model';
import { AppError, suggestName } from '@facet/platform';
import { keepInterests, parseModelSettings, resolveModel } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import type { BenchmarkData } from './benchmark-data.ts';

/** A hyperparameter, named by its path or by the letter of the paper, and its JSON value. */
export interface Setting {
  readonly name: string;
  readonly value: unknown;
}

/** A hyperparameter and its values. All other settings stay unchanged. */
export interface Sweep {
  readonly name: string;
  readonly values: readonly unknown[];
}

/** The letters of the paper. */
const paths: Readonly<Record<string, string>> = {
  K: 'interests',
  L: 'sequenceLength',
  d: 'embeddingDim',
  p: 'readout',
  sigma: 'extractor.sigma',
};

/**
 * Returns the settings of a named variant for a benchmark. Applies, in this order: the overrides of `facet.yaml` if that file names the
 * variant, the adaptations to the protocol, and `settings`.
 *
 * @throws AppError `BENCHMARK_SETTING_UNKNOWN`, `CONFIG_INVALID`, `MODEL_UNSUPPORTED`.
 */
export function towerSettings(
  variant: string,
  { config, benchmark, settings }: { config: FacetConfig; benchmark: BenchmarkData; settings: readonly Setting[] },
): ModelSettings {
  settings.forEach(checkSetting);
  const fitting = fitToProtocol(variantSettings(variant, config), benchmark);
  return parseModelSettings(settings.reduce(withSetting, fitting), `the benchmark of ${variant}`);
}

/** Returns the settings of a variant, with the overrides of `facet.yaml` if that file names it. */
export function variantSettings(variant: string, config: FacetConfig): ModelSettings {
  if (variant === config.model.variant) return resolveModel(config);
  const { model, training } = modelVariant(variant);
  return { model, training };
}

/** Examples with few labels contain less information than examples with the labels of a window, so training needs more epochs. */
const fewLabelsEpochs = 10;
/** An example with a single label contains even less information, so more examples per user help. */
const singleLabelExamples = 32;
/** Without times, popularity and ages of items explain no part of a label. A training of few users then needs more epochs. */
const stepsWithoutTimes = 4000;
const epochsMaxWithoutTimes = 30;

/** Turns off what the protocol makes meaningless, and trains on the labels of the protocol. */
function fitToProtocol({ model, training }: ModelSettings, { data, protocol, hasTimes }: BenchmarkData): ModelSettings {
  const timed = hasTimes ? model : { ...model, popularityPrior: false };
  if (protocol.name === 'time-split' || protocol.name === 'rolling') return { model: timed, training };
  const temperatureMin = Math.min(model.temperatureMin, model.temperature / 2);
  const epochs = training.epochs === 'auto' ? fewLabelsEpochs : Math.max(training.epochs, fewLabelsEpochs);
  const nextItem = { ...training, epochs, labels: 'moment' } as const;
  if (protocol.name === 'leave-one-out') {
    const perUser = training.examplesPerUser;
    const examplesPerUser = perUser === 0 ? 0 : Math.max(perUser, singleLabelExamples);
    const oneLabel = { ...nextItem, examplesPerUser };
    return {
      model: { ...timed, repeatBonus: false, temperatureMin },
      training: hasTimes ? oneLabel : withMoreEpochs(oneLabel, data.sequences),
    };
  }
  // Recipes that predict several interactions do so here. Published recipes predict the next moment.
  const labels = ['window', 'share', 'auto'].includes(training.labels) ? 'share' : 'moment';
  // Validation users never train, so a refit would repeat the fit.
  return { model: { ...timed, temperatureMin }, training: { ...nextItem, labels, refit: false } };
}

/** Raises the epochs of a training by leave-one-out to {@link stepsWithoutTimes} steps, but to at most {@link epochsMaxWithoutTimes}. */
function withMoreEpochs(
  training: TrainingConfig & { readonly epochs: number },
  { offsets }: UserSequences,
): TrainingConfig {
  // The fit leaves out the last two items of a sequence, for validation and test. Each other item but the first is the label of an example.
  const counts = Array.from(offsets.subarray(1), (end, user) => Math.max(0, end - offsets[user]! - 3));
  const steps = Math.max(1, epochSize(counts, training.examplesPerUser) / training.batchSize);
  const wanted = Math.min(epochsMaxWithoutTimes, Math.ceil(stepsWithoutTimes / steps));
  if (wanted <= training.epochs) return training;
  const patience = Math.round((training.patience * wanted) / training.epochs);
  return { ...training, epochs: wanted, patience };
}

/** Returns the settings with one change; unchanged if they do not have the hyperparameter. */
export function withSetting(settings: ModelSettings, { name, value }: Setting): ModelSettings {
  const path = pathOf(name);
  const part = (['model', 'training'] as const).find((key) => has(settings[key], path));
  // Towers with a single vector are the baseline for towers with several.
  const isFixed = path[0] === 'interests' && settings.model.interests === 1;
  if (part === undefined || isFixed) return settings;
  const set = name === 'p' ? { kind: 'label-aware', power: value } : value;
  const changed = { ...settings, [part]: replaceAt(settings[part], path, set) };
  return path[0] === 'interests' ? { ...changed, model: keepInterests(changed.model) } : changed;
}

/** @throws AppError `BENCHMARK_SETTING_UNKNOWN` if no variant has the hyperparameter. */
export function checkSetting({ name }: Setting): void {
  const path = pathOf(name);
  if (Object.values(modelVariants).some(({ model, training }) => has(model, path) || has(training, path))) return;
  const known = Object.values(modelVariants).flatMap((variant) =>
    [variant.model, variant.training].flatMap(Object.keys),
  );
  throw new AppError(`No variant has a hyperparameter "${name}".`, {
    code: 'BENCHMARK_SETTING_UNKNOWN',
    category: 'usage',
    remedy: `${suggestName(name, known)}Use one of ${Object.keys(paths).join(', ')}, or a setting of model or training in facet.yaml such as epochs or extractor.iterations.`,
  });
}

function pathOf(name: string): string[] {
  return (paths[name] ?? name).split('.');
}

function has(object: object, [head = '', ...rest]: readonly string[]): boolean {
  if (!Object.hasOwn(object, head)) return false;
  const inner = (object as Record<string, unknown>)[head];
  return rest.length === 0 || (typeof inner === 'object' && inner !== null && has(inner, rest));
}

function replaceAt(object: object, [head = '', ...rest]: readonly string[], value: unknown): object {
  const inner = (object as Record<string, unknown>)[head];
  return { ...object, [head]: rest.length === 0 ? value : replaceAt(inner as object, rest, value) };
}
