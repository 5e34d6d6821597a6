import { createRandom, drawEpoch } from '@facet/features';
import type { Examples } from '@facet/features';
import type { TrainingConfig } from '../config.ts';
import type { BatchArrays } from './batch-arrays.ts';
import type { StepArrays } from './step-arrays.ts';

/** The batches of one epoch, in the order in which they are trained on; undefined for one without a label. */
export interface EpochBatches<Batches = Iterable<BatchArrays | undefined> | AsyncIterable<BatchArrays | undefined>> {
  /** Examples of the epoch. */
  readonly examples: number;
  /** To be read once, and to its end or left for good before another epoch is asked for. */
  readonly batches: Batches;
}

/** What a training loop trains on: the seam between the thread that prepares batches and the one that takes steps. */
export type BatchSource = (epoch: number) => EpochBatches | Promise<EpochBatches>;

/**
 * Batches of `examples` that are made when they are asked for. Each epoch draws its examples and noise from a stream of its own (seed
 * and epoch): it is the same however often it is taken, and wherever.
 */
export function createBatchSource(
  steps: Pick<StepArrays, 'batch'>,
  examples: Examples,
  { seed, examplesPerUser: perUser, batchSize }: TrainingConfig,
): (epoch: number) => EpochBatches<Iterable<BatchArrays | undefined>> {
  return (epoch) => {
    const random = createRandom(seed).fork(`epoch ${epoch}`);
    const order = drawEpoch(examples, { perUser, random });
    const batches = (function* () {
      for (let start = 0; start < order.length; start += batchSize) {
        yield steps.batch(examples, order.subarray(start, start + batchSize), random);
      }
    })();
    return { examples: order.length, batches };
  };
}
