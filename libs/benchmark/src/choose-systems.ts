import { parseModelSettings } from '@facet/config';
import { isVariant, modelVariants, variantNames } from '@facet/model';
import type { ModelSettings, ModelVariant } from '@facet/model';
import { AppError, suggestName } from '@facet/platform';
import type { FacetConfig } from '@facet/config';
import type { BenchmarkData } from './benchmark-data.ts';
import { simpleNames, simpleSystems } from './simple-systems.ts';
import type { System } from './system.ts';
import { checkSetting, towerSettings, variantSettings, withSetting } from './tower-settings.ts';
import type { Setting, Sweep } from './tower-settings.ts';
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
  const known = [...variantNames, ...simpleNames];
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
    if (!isVariant(name)) continue;
    const base = variantSettings(name, config);
    const set = parseModelSettings(settings.reduce(withSetting, base), '--set');
    for (const { name, values } of sweeps) {
      for (const value of values) parseModelSettings(withSetting(set, { name, value }), '--sweep');
    }
  }
}

/**
 * Returns the systems with these names, or all systems, the most informative first: the default, the simple methods, then the other
 * variants of the model in the order of their table.
 *
 * @throws AppError `BENCHMARK_SYSTEM_UNKNOWN`; as `towerSettings`.
 */
export function chooseSystems(names: readonly string[] | undefined, options: SystemOptions): System[] {
  const { protocol } = options.benchmark;
  const simple = simpleSystems(options.benchmark);
  // Held-out users of a user split have no learned vectors.
  const variants = variantNames.filter(
    (name) => protocol.name !== 'user-split' || modelVariants[name].model.extractor.kind !== 'user-vectors',
  );
  const known: string[] = [...variants.slice(0, 1), ...simple.map(({ name }) => name), ...variants.slice(1)];
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
    .map((name) => simple.find((system) => system.name === name) ?? towerSystem(name, towerSettings(name, options)));
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

const familyTitles: Readonly<Record<ModelVariant['family'], string>> = {
  facet: 'The default recipe, and the same with another extractor',
  mind: 'The model of the paper, and single differences',
  published: 'Other published models',
};

/** Lists the variants of the model by family, for the help of the command. */
export function describeVariants(): string {
  const families = Object.entries(familyTitles).map(([family, title]) => {
    const names = variantNames.filter((name) => modelVariants[name].family === family);
    return [
      `${title}:`,
      ...names.map((name) => `  ${name.padEnd(22)} ${modelVariants[name].summary.replaceAll('`', '')}`),
    ].join('\n');
  });
  return families.join('\n');
}
