import { createRandom, prefixExamples, windowExamples } from '@facet/features';
import type { Cut, Examples, UserSequences } from '@facet/features';
import type { TrainingConfig } from '../config.ts';

/** The examples that a training config asks for, with labels before `before`. */
export function trainingExamples(sequences: UserSequences, config: TrainingConfig, before: Cut): Examples {
  if (config.labels !== 'window') return prefixExamples(sequences, before, config.labels);
  const { windowDays, extraMoments, seed } = config;
  return windowExamples(sequences, { before, windowMs: windowDays * dayMs, extraMoments, random: createRandom(seed) });
}

const dayMs = 86_400_000;
