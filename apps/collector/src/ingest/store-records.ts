import type { LogRecord } from '@facet/kafka';
import { isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { ingestProblems } from './ingest-problems.ts';
import type { RecordWriter, Written } from './record-writer.ts';

/** Long enough for a broker to come back or a queue to drain; callers keep the records meanwhile. */
const retryAfterSeconds = 5;

/**
 * Makes records safe, or tells the caller to come again.
 *
 * @throws AppError `STORE_UNAVAILABLE`, `OVERLOADED`.
 */
export async function storeRecords(
  { writer, logger }: { readonly writer: RecordWriter; readonly logger: Logger },
  records: readonly LogRecord[],
): Promise<Written> {
  try {
    return await writer.write(records);
  } catch (error) {
    if (!isAppError(error) || !error.retryable) throw error;
    if (error.code === 'COLLECTOR_QUEUE_FULL') {
      throw ingestProblems.error('OVERLOADED', 'Too much waits to be stored.', { retryAfterSeconds: 1, cause: error });
    }
    logger.warn({ code: error.code, err: error }, 'records cannot be stored');
    throw ingestProblems.error('STORE_UNAVAILABLE', 'The records cannot be stored at the moment.', {
      retryAfterSeconds,
      cause: error,
    });
  }
}
