/** What one process saw of a bundle. Memory in megabytes; times of one thread are those that it had a core. */
export interface LoadReport {
  /** Into a process that has just started. */
  readonly start: Loading;
  /** Once more beside the first, as when bundles are exchanged. */
  readonly beside: Loading;
  /** Before the bundle was loaded, and with it. */
  readonly before: Memory;
  readonly after: Memory;
  /** Microseconds of one, for random items. */
  readonly lookups: { readonly indexOfUs: number; readonly idOfUs: number; readonly itemAtUs: number };
  /** Milliseconds until the allowed items are known, by the conditions of the filter. */
  readonly filters: readonly { readonly name: string; readonly ms: number }[];
}

export interface Loading {
  readonly seconds: number;
  /** Processor time of all threads. */
  readonly processorSeconds: number;
  /** The longest time that the event loop did nothing else, by the clock and by the processor time of its thread. */
  readonly stallMs: number;
  readonly stallProcessorMs: number;
}

export interface Memory {
  /** Resident. */
  readonly rss: number;
  /** Resident, with what several processes share divided among them. */
  readonly pss: number;
  /** JavaScript heap that is in use. */
  readonly heap: number;
}
