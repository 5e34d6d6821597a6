/** The parts of a request whose duration is measured, in the order of the work. */
export const requestSpans = ['profile', 'interests', 'filters', 'search', 'merge', 'render'] as const;
export type RequestSpan = (typeof requestSpans)[number];

/** Measures the parts of one request. */
export interface Spans {
  /** Starts a part, and ends the part before. */
  start(span: RequestSpan): void;
  /** Ends the last part. */
  stop(): void;
}

/** Records nothing. */
export const noSpans: Spans = { start: () => undefined, stop: () => undefined };
