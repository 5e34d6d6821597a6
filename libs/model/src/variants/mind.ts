import type { ExtractorConfig, ModelConfig, TrainingConfig } from '../config.ts';
import { facetTraining } from './facet.ts';

/** The routing of the paper: three iterations, σ 1, the inner product as agreement. */
export const mindRouting: ExtractorConfig<'routing'> = {
  kind: 'routing',
  map: 'shared',
  iterations: 3,
  sigma: 1,
  trainingLogits: 'redrawn',
  gradient: 'last',
  cosineAgreement: 0,
  identity: 0,
};

/**
 * MIND as the paper has it (arXiv 1904.08030): p as a power, sampled softmax, Adam; sizes where it leaves them open. The
 * other systems that it compares differ from this in a few fields.
 */
export const mindModel: ModelConfig = {
  embeddingDim: 64,
  interests: 4,
  adaptiveInterests: true,
  sequenceLength: 50,
  distinctBehaviors: false,
  extractor: mindRouting,
  recency: false,
  context: false,
  residual: false,
  layers: 'hidden',
  hiddenUnits: [256],
  outputActivation: 'relu',
  profileDim: 16,
  normalize: false,
  temperature: 1,
  temperatureMin: 1,
  readout: { kind: 'label-aware', power: 2 },
  negatives: 1280,
  popularityPrior: false,
  repeatBonus: false,
  separation: 0,
  dropout: 0,
};

export const mindTraining: TrainingConfig = {
  ...facetTraining,
  learningRate: 1e-3,
  epochs: 20,
  labels: 'next',
  examplesPerUser: 0,
  warm: { epochs: 4, learningRate: 3e-4 },
};
