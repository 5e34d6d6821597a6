import type { ModelSettings } from '@facet/model';
import type { InterestReport, FitOptions, FittedRankers } from '@facet/stages';
import type { BenchmarkData } from './benchmark-data.ts';

/** The inputs of a fit. */
export interface FitContext extends FitOptions {
  readonly benchmark: BenchmarkData;
  /** Whether to reject a training that would run out of memory. */
  readonly memoryCheck?: boolean;
  /** The folder of checkpoints, from which an interrupted fit resumes. */
  readonly checkpoints: string;
  /** Receives a description of each finished epoch. */
  readonly onEpoch?: (description: string) => void;
  /** Receives a description of each divergence and of how the fit continues. */
  readonly onDivergence?: (description: string) => void;
  /** A clock in milliseconds. */
  readonly now: () => number;
}

/** A fitted system that can rank items for the test users. */
export interface FittedSystem extends FittedRankers {
  /** The time to choose settings or the number of epochs, and the time of the final fit. */
  readonly tuningSeconds: number;
  readonly trainingSeconds: number;
  /** The epochs of the fit, the best one, and the epochs of the refit. */
  readonly epochs?: { readonly fit: number; readonly best: number; readonly refit: number };
  readonly interests?: InterestReport;
}

/** One row of a benchmark. */
export type System = SimpleSystem | TowerSystem;

interface SystemBase {
  readonly name: string;
  /** Whether the result depends on the seed. Otherwise one run is enough. */
  readonly isSeeded: boolean;
  fit(context: FitContext): Promise<FittedSystem>;
}

interface SimpleSystem extends SystemBase {
  readonly kind: 'simple';
  /** JSON that determines the result, together with the data, the protocol and the seed. */
  readonly settings: unknown;
}

interface TowerSystem extends SystemBase {
  readonly kind: 'tower';
  /** Determine the result, together with the data, the protocol and the seed. */
  readonly settings: ModelSettings;
}
