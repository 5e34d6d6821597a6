import type { ModelConfig, TrainingConfig } from '../config.ts';

/** The default recipe; where each extra comes from and what it is worth: docs/model.md. */
export const facetModel: ModelConfig = {
  embeddingDim: 64,
  interests: 4,
  adaptiveInterests: true,
  sequenceLength: 100,
  distinctBehaviors: true,
  extractor: {
    kind: 'routing',
    map: 'shared',
    iterations: 3,
    sigma: 1,
    trainingLogits: 'fixed',
    gradient: 'last',
    cosineAgreement: 10,
    identity: 1,
  },
  recency: true,
  context: true,
  residual: true,
  layers: 'hidden',
  hiddenUnits: [256],
  outputActivation: 'linear',
  profileDim: 16,
  normalize: true,
  temperature: 0.2,
  readout: { kind: 'logsumexp' },
  negatives: 'all',
  popularityPrior: true,
  repeatBonus: true,
  separation: 0.3,
  dropout: 0.3,
};

export const facetTraining: TrainingConfig = {
  seed: 1,
  batchSize: 256,
  epochs: 6,
  learningRate: 3e-3,
  patience: 6,
  examplesPerUser: 8,
  labels: 'window',
  windowDays: 70,
  extraMoments: 5,
  refit: true,
  warm: { epochs: 2, learningRate: 1e-3 },
};
