import type { LogRecord, TopicNames } from '@facet/kafka';
import { declaredError, problemError } from '@facet/http';
import type { Access, KeyRateLimiter } from '@facet/http';
import { hasScope, isAppError } from '@facet/platform';
import type { ApiKey, Logger, Scope } from '@facet/platform';
import type { IngestMetrics } from './ingest-metrics.ts';
import type { IntakeCounter } from './intake-counter.ts';
import type { RecordWriter, Written } from './record-writer.ts';

/** The services that the routes of the ingest share. */
export interface IngestServices {
  readonly logger: Logger;
  readonly metrics: IngestMetrics;
  readonly writer: RecordWriter;
  readonly intake: IntakeCounter;
  readonly topics: TopicNames;
  readonly rateLimiter: KeyRateLimiter;
  /** Returns the attributes of items that the model reads; undefined if they are unknown. */
  readonly modelAttributes: () => Promise<readonly string[] | undefined>;
  /** Attributes of items that facet.yaml names. */
  readonly usedAttributes: ReadonlySet<string>;
  /** Returns the time in epoch milliseconds. */
  readonly now: () => number;
  readonly createId: () => string;
}

/** The errors of a route that stores records. */
export const storeErrors = {
  STORE_UNAVAILABLE: { status: 503, remedy: 'Send the same request again after the seconds in Retry-After.' },
};

/** Enough for a broker to restart. Senders keep the records meanwhile. */
const unavailableRetrySeconds = 5;
/** Enough for the queue to drain. */
const overloadedRetrySeconds = 1;

/**
 * Stores records in the log or in the spool.
 *
 * @throws AppError `STORE_UNAVAILABLE`, `OVERLOADED`, which ask the sender to try again.
 */
export async function storeRecords(
  { writer, logger }: Pick<IngestServices, 'writer' | 'logger'>,
  records: readonly LogRecord[],
): Promise<Written> {
  try {
    return await writer.write(records);
  } catch (error) {
    if (!isAppError(error) || !error.retryable) throw error;
    if (error.code === 'COLLECTOR_QUEUE_FULL') {
      const retryAfterSeconds = overloadedRetrySeconds;
      throw problemError('OVERLOADED', 'The queue is full.', { retryAfterSeconds, cause: error });
    }
    logger.warn({ code: error.code, err: error }, 'storing records failed');
    const retryAfterSeconds = unavailableRetrySeconds;
    throw declaredError(storeErrors, 'STORE_UNAVAILABLE', 'The records could not be stored.', {
      retryAfterSeconds,
      cause: error,
    });
  }
}

/** The name of the sender in counts and erasures. */
export function producerOf(key: ApiKey | undefined): string {
  return key?.name ?? 'anybody';
}

/** The names of all senders that may now call routes with this scope. */
export function producersOf(access: Access, scope: Scope): readonly string[] {
  if (access.kind === 'anybody') return [producerOf(undefined)];
  return access.keys.filter((key) => hasScope(key, scope)).map(producerOf);
}
