import { modelVariants } from '@facet/model';
import type { ModelConfig, TrainingConfig } from '@facet/model';
import { AppError } from '@facet/platform';
import { keepInterests, parseModelSettings, resolveModel } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import type { BenchmarkData } from './benchmark-data.ts';

export interface TowerSettings {
  readonly model: ModelConfig;
  readonly training: TrainingConfig;
}

/** A hyper-parameter by its path, or by the paper's letter, and a JSON value. */
export interface Setting {
  readonly name: string;
  readonly value: unknown;
}

/** The paper's letters. */
const paths: Readonly<Record<string, string>> = {
  K: 'interests',
  L: 'sequenceLength',
  d: 'embeddingDim',
  p: 'readout',
  sigma: 'extractor.sigma',
};

/**
 * The settings of a named variant for a benchmark: as named, or with the overrides of `facet.yaml` where that names the
 * variant; then what the protocol asks for; then `settings`, which are the same for every tower that has them.
 *
 * @throws AppError `BENCHMARK_SETTING_UNKNOWN`, `CONFIG_INVALID`, `MODEL_UNSUPPORTED`.
 */
export function towerSettings(
  variant: string,
  { config, benchmark, settings }: { config: FacetConfig; benchmark: BenchmarkData; settings: readonly Setting[] },
): TowerSettings {
  const named = variant === config.model.variant ? resolveModel(config) : modelVariants[variant]!;
  settings.forEach(checkSetting);
  const fitting = fitToProtocol(named, benchmark);
  return parseModelSettings(settings.reduce(withSetting, fitting), `the benchmark of ${variant}`);
}

/** An example with one label teaches less than one with the labels of a window: it takes more epochs, and sharper scores. */
const nextItemEpochs = 10;

/** What the protocol makes meaningless is switched off, and its question is the one that is trained on. */
function fitToProtocol({ model, training }: TowerSettings, { protocol, hasTimes }: BenchmarkData): TowerSettings {
  const timed = hasTimes ? model : { ...model, popularityPrior: false };
  if (protocol.name === 'time-split') return { model: timed, training };
  return {
    model: { ...timed, repeatBonus: false, temperatureMin: Math.min(timed.temperatureMin, timed.temperature / 2) },
    training: { ...training, labels: 'moment', epochs: Math.max(training.epochs, nextItemEpochs) },
  };
}

/** The settings with one changed; as they are where they have no such hyper-parameter, as a mean has no σ. */
export function withSetting(settings: TowerSettings, { name, value }: Setting): TowerSettings {
  const path = pathOf(name);
  const part = (['model', 'training'] as const).find((key) => has(settings[key], path));
  // What makes one vector of a user is the bar for what makes several.
  const isFixed = path[0] === 'interests' && settings.model.interests === 1;
  if (part === undefined || isFixed) return settings;
  const set = name === 'p' ? { kind: 'label-aware', power: value } : value;
  const changed = { ...settings, [part]: replaceAt(settings[part], path, set) } as TowerSettings;
  return path[0] === 'interests' ? { ...changed, model: keepInterests(changed.model) } : changed;
}

/** @throws AppError `BENCHMARK_SETTING_UNKNOWN` for a name that is a hyper-parameter of no variant. */
export function checkSetting({ name }: Setting): void {
  const path = pathOf(name);
  if (Object.values(modelVariants).some(({ model, training }) => has(model, path) || has(training, path))) return;
  throw new AppError(`There is no hyper-parameter "${name}".`, {
    code: 'BENCHMARK_SETTING_UNKNOWN',
    category: 'usage',
    remedy: `Name one of ${Object.keys(paths).join(', ')}, or one of model or training in facet.yaml: epochs, extractor.iterations.`,
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
