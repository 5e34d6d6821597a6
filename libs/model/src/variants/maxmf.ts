import type { ModelVariant } from '../config.ts';
import { mindModel, mindTraining } from './mind.ts';

/**
 * MaxMF-K (Weston, Weiss and Yee, RecSys 2013), a baseline of the paper: K free vectors for each user, the best of which scores an
 * item and is updated by it.
 */
export const maxMf: ModelVariant = {
  model: {
    ...mindModel,
    extractor: { kind: 'user-vectors' },
    adaptiveInterests: false,
    layers: 'none',
    readout: { kind: 'max' },
  },
  training: mindTraining,
};
