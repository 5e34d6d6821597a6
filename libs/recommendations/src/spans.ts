/** The measured parts of a request, in order of execution. */
export const requestSpans = ['profile', 'interests', 'filters', 'search', 'merge', 'render'] as const;
export type RequestSpan = (typeof requestSpans)[number];

/** Measures the parts of one request. */
export interface Spans {
  /** Ends the current part and starts another part. */
  start(span: RequestSpan): void;
  /** Ends the current part. */
  stop(): void;
}

/** Records nothing. */
export const noSpans: Spans = { start: () => undefined, stop: () => undefined };
