import { problemError } from '../problems/problem.ts';

/** Bounds the work that is under way: work queues where the delay of the event loop does not show it. */
export interface Admission {
  /** @throws AppError `OVERLOADED` instead of starting when the bound is reached. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

export function createAdmission(concurrentMax: number): Admission {
  let running = 0;
  return {
    async run(work) {
      if (running >= concurrentMax) throw overloaded();
      running++;
      try {
        return await work();
      } finally {
        running--;
      }
    },
  };
}

export function overloaded(): Error {
  return problemError('OVERLOADED', 'This server has more to do than it can.');
}
