import type { IndexChoice, Latency } from '@facet/retrieval';

/** What was measured of one kind of index. */
export interface KindMeasurement {
  readonly choice: IndexChoice;
  /** Building, measuring the exact scan, tuning. */
  readonly seconds: number;
  /** Peak memory of the process before it began: Node and the vectors. */
  readonly vectorsMb: number;
  /** Peak memory of the process when the index had been saved. */
  readonly peakMemoryMb: number;
  /** Of the file. */
  readonly bytes: number;
  /** Of the index as it was opened again, for the held-out queries, four a request, one thread. */
  readonly latency: Latency;
}
