import { parseModelSettings } from '@facet/config';
import { isVariant, variantNames } from '@facet/model';
import { AppError, suggestName } from '@facet/platform';
import type { SystemOptions } from './choose-systems.ts';
import { simpleNames } from './simple-systems.ts';
import type { Sweep } from './sweep.ts';
import { checkSetting, variantSettings, withSetting } from './tower-settings.ts';

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
