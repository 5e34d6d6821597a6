import { join } from 'node:path';
import type { FacetConfig } from '@facet/config';
import { createRandom } from '@facet/features';
import { fitConfigs, initializeWeights } from '@facet/model';
import type { ModelSpec, Weights } from '@facet/model';
import { bestScore, createValidator, modelSpecOf, towerSettings, trainPhase } from '@facet/pipeline/benchmark';
import type { BenchmarkData, Setting } from '@facet/pipeline/benchmark';

export interface Fitted {
  readonly spec: ModelSpec;
  readonly weights: Weights;
  readonly epochs: number;
  readonly validationScore: number;
}

/** Trains on the data before the validation part with the best number of epochs, and for the test again with that part included. */
export async function fitWeights(options: {
  readonly benchmark: BenchmarkData;
  readonly config: FacetConfig;
  readonly part: 'validation' | 'test';
  readonly variant: string;
  readonly settings: readonly Setting[];
  readonly seed: number;
  readonly checkpoints: string;
}): Promise<Fitted> {
  const { benchmark, config, checkpoints } = options;
  const { data, protocol } = benchmark;
  const { model, training } = towerSettings(options.variant, { config, benchmark, settings: options.settings });
  const spec = modelSpecOf(model, data);
  const seeded = { ...fitConfigs(training)[0], seed: options.seed };
  const shared = { data, spec, config: seeded, initialWeights: initializeWeights(spec, createRandom(options.seed)) };
  const validate = createValidator(spec, { benchmark, tieSeed: config.evaluation.tieSeed });
  const fit = await trainPhase({
    ...shared,
    heldOut: protocol.validation,
    checkpoint: join(checkpoints, 'fit'),
    validate,
  });
  const validationScore = bestScore({ progress: fit });
  if (options.part === 'validation') return { spec, weights: fit.best.weights, epochs: fit.bestEpoch, validationScore };
  const lastEpoch = fit.bestEpoch;
  const refit = await trainPhase({
    ...shared,
    heldOut: protocol.test,
    checkpoint: join(checkpoints, 'refit'),
    lastEpoch,
  });
  return { spec, weights: refit.best.weights, epochs: lastEpoch, validationScore };
}
