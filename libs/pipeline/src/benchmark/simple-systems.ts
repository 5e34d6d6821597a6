import { featureAttributes } from '@facet/bundles';
import { contentTerms } from '@facet/features';
import { chooseSettings, fitChosen, ownItemsOf } from '../evaluation/fit-simple-method.ts';
import {
  bm25Cf,
  cosineCf,
  ownHistoryMethod,
  popularityMethod,
  recentPopularity,
  tfIdfMethod,
} from '../evaluation/simple-methods.ts';
import type { SimpleMethod } from '../evaluation/simple-methods.ts';
import type { BenchmarkData } from './benchmark-data.ts';
import type { System } from './system.ts';
import { walsMethod } from './wals.ts';

/** All simple methods, the weakest first. */
const allSystems: readonly System[] = [
  toSystem(popularityMethod),
  toSystem(recentPopularity),
  toSystem(ownHistoryMethod),
  toSystem(tfIdfMethod),
  toSystem(cosineCf),
  toSystem(bm25Cf),
  toSystem(walsMethod),
];

/** The names of all simple methods. */
export const simpleNames = allSystems.map(({ name }) => name);

/** Returns the simple methods of a protocol, the weakest first. */
export function simpleSystems({ protocol: { tasks }, data: { items }, hasTimes }: BenchmarkData): System[] {
  const hasContent = items.some((item) => contentTerms(featureAttributes(item)).length > 0);
  const useless = [
    ...(hasTimes ? [] : [recentPopularity.name]),
    // Finds repeats only.
    ...(tasks.includes('all') ? [] : [ownHistoryMethod.name]),
    ...(hasContent ? [] : [tfIdfMethod.name]),
  ];
  return allSystems.filter(({ name }) => !useless.includes(name));
}

function toSystem<Settings extends object>(method: SimpleMethod<Settings>): System {
  return {
    name: method.name,
    kind: 'simple',
    isSeeded: method.isSeeded,
    settings: { grid: method.grid, version: method.version, ownItems: ownItemsOf(method) },
    fit: async (context) => {
      const startedAt = context.now();
      const settings = await chooseSettings(method, context);
      const chosenAt = context.now();
      const fitted = fitChosen(method, settings, context);
      return {
        ...fitted,
        tuningSeconds: fitted.validationScore === undefined ? 0 : (chosenAt - startedAt) / 1000,
        trainingSeconds: (context.now() - chosenAt) / 1000,
      };
    },
  };
}
