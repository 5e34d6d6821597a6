import { modelVariants } from '@facet/model';
import type { ModelSettings } from '@facet/model';
import { AppError, suggestName } from '@facet/platform';
import { parseModelSettings, resolveModel } from '@facet/config';
import type { FacetConfig } from '@facet/config';
import type { BenchmarkData } from './benchmark-data.ts';
import { classicNames, classicSystems } from './classic-systems.ts';
import type { System } from './system.ts';
import type { Sweep } from './sweep.ts';
import { checkSetting, towerSettings, withSetting } from './tower-settings.ts';
import type { Setting } from './tower-settings.ts';
import { fitTower } from './tower-systems.ts';

export interface SystemOptions {
  readonly config: FacetConfig;
  readonly benchmark: BenchmarkData;
  /** Hyperparameters that apply to every tower. */
  readonly settings: readonly Setting[];
}

/**
 * Checks names of systems and hyperparameters without data. Some protocols and data lack some of these systems.
 *
 * @throws AppError `BENCHMARK_SYSTEM_UNKNOWN`, `BENCHMARK_SETTING_UNKNOWN`, `CONFIG_INVALID`, `MODEL_UNSUPPORTED`.
 */
export function checkChoice(
  names: readonly string[] | undefined,
  { config, settings, sweeps }: Omit<SystemOptions, 'benchmark'> & { readonly sweeps: readonly Sweep[] },
): void {
  const known = [...Object.keys(modelVariants), ...classicNames];
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new AppError(`No system is named "${unknown}".`, {
      code: 'BENCHMARK_SYSTEM_UNKNOWN',
      category: 'usage',
      remedy: `${suggestName(unknown, known)}Choose from: ${known.join(', ')}.`,
    });
  }
  [...settings, ...sweeps.map(({ name }) => ({ name, value: undefined }))].forEach(checkSetting);
  for (const name of names ?? ['facet']) {
    const variant = modelVariants[name];
    if (variant === undefined) continue;
    const base = name === config.model.variant ? resolveModel(config) : variant;
    const set = parseModelSettings(settings.reduce(withSetting, base), '--set');
    for (const { name, values } of sweeps) {
      for (const value of values) parseModelSettings(withSetting(set, { name, value }), '--sweep');
    }
  }
}

/**
 * Returns the systems with these names, or all systems, the most informative first: the default, the classic systems, the default with
 * the extractor of SASRec, then every other named variant of the model.
 *
 * @throws AppError `BENCHMARK_SYSTEM_UNKNOWN`; as `towerSettings`.
 */
export function chooseSystems(names: readonly string[] | undefined, options: SystemOptions): System[] {
  const { protocol } = options.benchmark;
  const classic = classicSystems(options.benchmark);
  // Held-out users of a user split have no learned vectors.
  const variants = Object.entries(modelVariants).flatMap(([name, { model }]) =>
    protocol.name === 'user-split' && model.extractor.kind === 'user-vectors' ? [] : [name],
  );
  const known = [...new Set(['facet', ...classic.map(({ name }) => name), 'sasrec-facet', ...variants])];
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new AppError(`The protocol ${protocol.name} has no system "${unknown}".`, {
      code: 'BENCHMARK_SYSTEM_UNKNOWN',
      category: 'usage',
      remedy: `Choose from: ${known.join(', ')}.`,
    });
  }
  return known
    .filter((name) => names?.includes(name) ?? true)
    .map((name) => classic.find((system) => system.name === name) ?? towerSystem(name, towerSettings(name, options)));
}

export function towerSystem(name: string, settings: ModelSettings): System {
  return {
    name,
    kind: 'tower',
    isSeeded: true,
    settings,
    fit: (context) => fitTower(settings, context),
  };
}
