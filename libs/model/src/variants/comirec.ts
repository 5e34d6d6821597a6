import type { ModelConfig } from '../config.ts';
import { mindModel } from './mind.ts';

/** What ComiRec's two extractors share (KDD 2020, §3): K interests for everybody, no layers behind them, a hard readout. */
export const comirecModel: ModelConfig = {
  ...mindModel,
  adaptiveInterests: false,
  layers: 'none',
  readout: { kind: 'label-aware', power: 'infinity' },
};
