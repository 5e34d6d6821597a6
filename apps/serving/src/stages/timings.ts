import type { MeasureStage } from '@facet/recommendations';

/** How long the stages of one request took. */
export interface Timings {
  /** Does the work of a stage, and adds how long it took, or how long what it promises did. */
  readonly measure: MeasureStage;
  /** The same for one of many answers in a request: nobody watches, who would be told of each stage of each. */
  readonly measureOfMany: MeasureStage;
  /** Milliseconds by stage, in the order in which they began. */
  readonly stages: ReadonlyMap<string, number>;
  /** The same, rounded to microseconds. */
  toJSON(): Record<string, number>;
}

/** Is told when a stage begins, and returns what is to be called at its end. */
export type WatchStage = (stage: string) => () => void;

export function createTimings(watch?: WatchStage, clock: () => number = () => performance.now()): Timings {
  const stages = new Map<string, number>();
  const createMeasure =
    (watchStage?: WatchStage): MeasureStage =>
    (stage, work) => {
      const start = clock();
      const stopWatching = watchStage?.(stage);
      // Takes its place in the order.
      if (!stages.has(stage)) stages.set(stage, 0);
      const end = (): void => {
        stages.set(stage, stages.get(stage)! + clock() - start);
        stopWatching?.();
      };
      let isLater = false;
      try {
        const result = work();
        if (result instanceof Promise) {
          isLater = true;
          // Whoever asked for it hears of its failure.
          void result.then(end, end);
        }
        return result;
      } finally {
        if (!isLater) end();
      }
    };
  return {
    stages,
    measure: createMeasure(watch),
    measureOfMany: createMeasure(),
    toJSON: () => Object.fromEntries([...stages].map(([stage, ms]) => [stage, Math.round(ms * 1_000) / 1_000])),
  };
}
