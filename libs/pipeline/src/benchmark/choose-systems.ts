import { modelVariants } from '@facet/model';
import type { ModelSettings } from '@facet/model';
import { AppError } from '@facet/platform';
import type { FacetConfig } from '@facet/config';
import type { BenchmarkData } from './benchmark-data.ts';
import { simpleSystems } from './simple-systems.ts';
import type { System } from './system.ts';
import { towerSettings } from './tower-settings.ts';
import type { Setting } from './tower-settings.ts';
import { fitTower } from './tower-systems.ts';

export interface SystemOptions {
  readonly config: FacetConfig;
  readonly benchmark: BenchmarkData;
  /** Hyperparameters that apply to every tower. */
  readonly settings: readonly Setting[];
}

/**
 * Returns the systems with these names, or all systems, the most informative first: the default, the simple methods, the default with
 * the extractor of SASRec, then every other named variant of the model.
 *
 * @throws AppError `BENCHMARK_SYSTEM_UNKNOWN`; as `towerSettings`.
 */
export function chooseSystems(names: readonly string[] | undefined, options: SystemOptions): System[] {
  const { protocol } = options.benchmark;
  const simple = simpleSystems(options.benchmark);
  // Held-out users of a user split have no learned vectors.
  const variants = Object.entries(modelVariants).flatMap(([name, { model }]) =>
    protocol.name === 'user-split' && model.extractor.kind === 'user-vectors' ? [] : [name],
  );
  const known = [...new Set(['facet', ...simple.map(({ name }) => name), 'sasrec-facet', ...variants])];
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
