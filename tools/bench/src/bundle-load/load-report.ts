/** What one process saw of loading a bundle. Memory in megabytes. */
export interface LoadReport {
  readonly seconds: number;
  /** The longest time that the event loop did nothing else, by the clock and by the processor time of its thread. */
  readonly stallMs: number;
  readonly stallProcessorMs: number;
  /** Processor time of all threads while loading. */
  readonly processorSeconds: number;
  readonly before: Memory;
  readonly after: Memory;
  /** Lookups a second, of random items: an index by its id, and all facts by the index. */
  readonly indexOfPerSecond: number;
  readonly itemAtPerSecond: number;
}

export interface Memory {
  /** Resident. */
  readonly rss: number;
  /** Resident, with what several processes share divided among them. */
  readonly pss: number;
  /** Resident, of this process alone. */
  readonly own: number;
  readonly heap: number;
}
