import { ClientError, UnacknowledgedError } from './client-error.ts';
import { errorOf, sendRequest, unreadableResponse } from './send-request.ts';
import type { Endpoint } from './send-request.ts';

/** The route for one kind of records. */
export interface RecordRoute {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  /** The field of the body with the records. */
  readonly listField: string;
}

export interface BatchOptions {
  /** Records per request. */
  readonly batchSize: number;
  /** Concurrent requests. */
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

/** The outcome of one record. */
export interface RecordResult {
  readonly status: 'accepted' | 'duplicate' | 'refused';
  /** The invalid field of a refused record. */
  readonly field?: string;
  /** Why the record was refused: a stable identifier such as `missing`. */
  readonly reason?: string;
  readonly message?: string;
}

const accepted: RecordResult = { status: 'accepted' };
const tooLarge: RecordResult = {
  status: 'refused',
  field: '',
  reason: 'too-large',
  message: 'The record exceeds the size limit of a request.',
};

/**
 * Sends records in batches, several requests at a time, and returns the outcome of each record, in order.
 *
 * @throws UnacknowledgedError when a batch was not acknowledged. Batches that have not started are not sent.
 */
export async function sendRecords<T>(
  endpoint: Endpoint,
  route: RecordRoute,
  records: readonly T[],
  options: BatchOptions,
): Promise<RecordResult[]> {
  const results = new Array<RecordResult | undefined>(records.length).fill(undefined);
  let next = 0;
  let failure: unknown;
  const worker = async () => {
    while (next < records.length && failure === undefined) {
      const start = next;
      next += options.batchSize;
      const batch = records.slice(start, start + options.batchSize);
      try {
        const batchResults = await sendBatch(endpoint, route, batch, options.signal);
        batchResults.forEach((result, i) => (results[start + i] = result));
      } catch (error) {
        failure ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, worker));
  if (failure instanceof ClientError) {
    throw new UnacknowledgedError(
      records.filter((_, i) => results[i] === undefined),
      failure,
    );
  }
  if (failure !== undefined) throw failure;
  return results as RecordResult[];
}

async function sendBatch<T>(
  endpoint: Endpoint,
  route: RecordRoute,
  batch: readonly T[],
  signal: AbortSignal | undefined,
): Promise<RecordResult[]> {
  const body = JSON.stringify({ [route.listField]: batch });
  const response = await sendRequest(endpoint, { ...route, body, signal });
  if (response.status === 413) {
    if (batch.length === 1) return [tooLarge];
    const half = Math.ceil(batch.length / 2);
    const first = await sendBatch(endpoint, route, batch.slice(0, half), signal);
    return [...first, ...(await sendBatch(endpoint, route, batch.slice(half), signal))];
  }
  const results = readResults(response.body, batch.length);
  if (results !== undefined) return results;
  if (response.status >= 400) throw errorOf(response);
  throw unreadableResponse(endpoint);
}

/** The response lists only the records that were not accepted. If all were refused, it is a 400 with the same list. */
function readResults(body: unknown, count: number): RecordResult[] | undefined {
  const listed = (body as { readonly results?: unknown } | undefined)?.results;
  if (!Array.isArray(listed)) return undefined;
  const results = new Array<RecordResult>(count).fill(accepted);
  for (const { index, status, field, reason, message } of listed as (RecordResult & { readonly index: number })[]) {
    results[index] = { status, field, reason, message };
  }
  return results;
}
