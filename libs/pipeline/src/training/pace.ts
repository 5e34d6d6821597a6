import type { LoopStep } from '@facet/model/training';

/** How fast training goes, by the steps of its present epoch. */
export interface Pace {
  readonly examplesPerSecond: number;
  /** How long training takes yet if no epoch is saved by early stopping; without the validation between epochs. */
  readonly etaSeconds: number;
}

/** @param now a clock in milliseconds */
export function createPace(now: () => number): {
  /** To be called when an epoch is about to begin. */
  restart(): void;
  /** @param epochsLeft after this one, in all phases */
  after(step: LoopStep, epochsLeft: number): Pace;
} {
  let since = now();
  return {
    restart: () => {
      since = now();
    },
    after({ done, total, examples }, epochsLeft) {
      const seconds = (now() - since) / 1000;
      return {
        examplesPerSecond: seconds === 0 ? 0 : examples / seconds,
        etaSeconds: (seconds / done) * (total - done + epochsLeft * total),
      };
    },
  };
}
