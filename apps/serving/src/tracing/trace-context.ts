import { randomBytes } from 'node:crypto';

/** Where a request stands in a trace. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits: the span of the caller; undefined where the trace begins here. */
  readonly parentSpanId: string | undefined;
  /** Whether it is recorded. */
  readonly isSampled: boolean;
}

const pattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

/**
 * What the header `traceparent` of a caller says (W3C Trace Context), which also decides whether the trace is recorded;
 * without one, or with one that is none, a trace begins, and is recorded by chance.
 *
 * @param share of the traces that begin here which is recorded.
 */
export function readTraceContext(
  header: string | string[] | undefined,
  share: number,
  random: () => number = Math.random,
): TraceContext {
  const match = typeof header === 'string' ? pattern.exec(header) : null;
  if (match === null) return { traceId: createTraceId(), parentSpanId: undefined, isSampled: random() < share };
  const [, traceId = '', parentSpanId = '', flags = ''] = match;
  return { traceId, parentSpanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

const createTraceId = (): string => randomBytes(16).toString('hex');

export const createSpanId = (): string => randomBytes(8).toString('hex');
