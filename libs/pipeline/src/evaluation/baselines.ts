import type { Dataset } from '../dataset/dataset.ts';
import { chooseSettings, fitChosen } from './fit-simple-method.ts';
import type { FitOptions, FittedRankers } from './fit-simple-method.ts';
import { ownHistoryMethod, popularityMethod, recentPopularity, smallBm25Cf } from './simple-methods.ts';
import type { SimpleMethod } from './simple-methods.ts';
import { heldOutWindow } from './tasks.ts';
import type { HeldOut, HeldOutParts } from './tasks.ts';

/** A simple method that an interest model must beat. */
export interface Baseline {
  readonly name: string;
  /** Fits the method on the data before the test, with the settings that are best on the validation window of the dataset. */
  fit(onProgress?: FitOptions['onProgress']): Promise<FittedRankers>;
}

/** Returns popularity of all time and of the last 30 days, own history, and item-based CF. */
export function createBaselines(
  dataset: Dataset,
  test: HeldOut,
  { tieSeed, signal }: Pick<FitOptions, 'tieSeed' | 'signal'>,
): Baseline[] {
  const { validationFrom, testFrom } = dataset.split;
  const protocol: HeldOutParts = {
    tasks: ['new', 'all'],
    validation: heldOutWindow(dataset, validationFrom, testFrom),
    test,
    choice: { metric: 'recall', cutoff: 50 },
  };
  const options: FitOptions = {
    benchmark: { data: dataset, protocol, hasTimes: true },
    seed: 0,
    tieSeed,
    tuningUsersMax: 1000,
    signal,
  };
  const toBaseline = <Settings extends object>(method: SimpleMethod<Settings>): Baseline => ({
    name: method.name,
    fit: async (onProgress) => fitChosen(method, await chooseSettings(method, { ...options, onProgress }), options),
  });
  return [
    toBaseline(popularityMethod),
    toBaseline(recentPopularity),
    toBaseline(ownHistoryMethod),
    toBaseline(smallBm25Cf),
  ];
}
