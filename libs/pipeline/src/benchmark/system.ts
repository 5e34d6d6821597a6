import type { InterestReport } from '../evaluation/interest-report.ts';
import type { TaskRankers } from '../evaluation/tasks.ts';
import type { BenchmarkData } from './benchmark-data.ts';

/** What a system is fitted with. */
export interface FitContext {
  readonly benchmark: BenchmarkData;
  readonly seed: number;
  readonly tieSeed: number;
  /** A folder for what an interrupted fit goes on from. */
  readonly checkpoints: string;
  readonly signal?: AbortSignal;
  /** @param share of the fit that is done, 0 to 1 */
  readonly onProgress?: (share: number, detail: string) => void;
  /** Is told of what went astray and how the fit goes on. */
  readonly onDivergence?: (description: string) => void;
  /** A clock in milliseconds. */
  readonly now: () => number;
}

/** A system that can be asked about the test. */
export interface FittedSystem {
  readonly rankers: TaskRankers;
  /** Numbers that were learned and are kept. */
  readonly parameters: number;
  /** What validation chose, as JSON, for each task where that differs. */
  readonly chosen: unknown;
  /** The figure of the protocol's choice on validation, mean over the tasks. */
  readonly validationScore?: number;
  /** Of choosing settings or the number of epochs, and of the fit that is tested. */
  readonly tuningSeconds: number;
  readonly trainingSeconds: number;
  /** The epochs of the fit that chose, the best of them, and those of the refit. */
  readonly epochs?: { readonly fit: number; readonly best: number; readonly refit: number };
  readonly interests?: InterestReport;
  /** Ranks among other candidates, cold ones too; absent for a system that knows an item by its interactions only. */
  rankersOver?(candidates: Uint8Array): { readonly rankers: TaskRankers; dispose(): void };
  /** Frees what ranking needs. */
  dispose?(): void;
}

/** One row of a benchmark. */
export interface System {
  readonly name: string;
  readonly kind: 'classic' | 'tower';
  /** Whether another seed gives another result; one run is enough otherwise. */
  readonly isSeeded: boolean;
  /** JSON: with the data, the protocol and the seed it decides the result. */
  readonly settings: unknown;
  fit(context: FitContext): Promise<FittedSystem>;
}
