import type { ModelSettings } from '@facet/model';
import type { InterestReport } from '../evaluation/interest-report.ts';
import type { TaskRankers } from '../evaluation/tasks.ts';
import type { BenchmarkData } from './benchmark-data.ts';

/** The inputs of a fit. */
export interface FitContext {
  readonly benchmark: BenchmarkData;
  readonly seed: number;
  readonly tieSeed: number;
  /** Whether to reject a training that would run out of memory. */
  readonly memoryCheck?: boolean;
  /** The folder of checkpoints, from which an interrupted fit resumes. */
  readonly checkpoints: string;
  readonly signal?: AbortSignal | undefined;
  /** @param share of the fit that is done, 0 to 1 */
  readonly onProgress?: (share: number, detail: string) => void;
  /** Receives a description of each finished epoch. */
  readonly onEpoch?: (description: string) => void;
  /** Receives a description of each divergence and of how the fit continues. */
  readonly onDivergence?: (description: string) => void;
  /** A clock in milliseconds. */
  readonly now: () => number;
}

/** A fitted system that can rank items for the test users. */
export interface FittedSystem {
  readonly rankers: TaskRankers;
  /** The number of learned parameters. */
  readonly parameters: number;
  /** The settings chosen on validation as JSON, by task if they differ. */
  readonly chosen: unknown;
  /** The selection metric on validation, mean over the tasks. */
  readonly validationScore?: number | undefined;
  /** The time to choose settings or the number of epochs, and the time of the final fit. */
  readonly tuningSeconds: number;
  readonly trainingSeconds: number;
  /** The epochs of the fit, the best one, and the epochs of the refit. */
  readonly epochs?: { readonly fit: number; readonly best: number; readonly refit: number };
  readonly interests?: InterestReport;
  /** Creates rankers over other candidates, including cold items; absent for systems that know an item only by its interactions. */
  rankersOver?(candidates: Uint8Array): { readonly rankers: TaskRankers; dispose(): void };
  /** Frees the memory of the rankers. */
  dispose?(): void;
}

/** One row of a benchmark. */
export type System = ClassicSystem | TowerSystem;

interface SystemBase {
  readonly name: string;
  /** Whether the result depends on the seed. Otherwise one run is enough. */
  readonly isSeeded: boolean;
  fit(context: FitContext): Promise<FittedSystem>;
}

interface ClassicSystem extends SystemBase {
  readonly kind: 'classic';
  /** JSON that determines the result, together with the data, the protocol and the seed. */
  readonly settings: unknown;
}

interface TowerSystem extends SystemBase {
  readonly kind: 'tower';
  /** Determine the result, together with the data, the protocol and the seed. */
  readonly settings: ModelSettings;
}
