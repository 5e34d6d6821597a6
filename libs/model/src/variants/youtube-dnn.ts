import type { ModelVariant } from '../config.ts';
import { mindModel, mindTraining } from './mind.ts';

/** YouTube DNN (Covington et al., RecSys 2016), a baseline of the paper: the mean of the behaviors and the profile through ReLU layers. */
export const youtubeDnn: ModelVariant = {
  model: { ...mindModel, interests: 1, extractor: { kind: 'mean' }, readout: { kind: 'max' } },
  training: mindTraining,
};
