import { ClientError, UnacknowledgedError } from '../client-error.ts';
import { errorOf, sendRequest } from './send-request.ts';
import type { Endpoint } from './send-request.ts';

/** Where records of a kind go. */
export interface RecordRoute {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  /** The field of the body that holds them. */
  readonly listField: string;
}

export interface BatchOptions {
  /** Records in a request. */
  readonly batchSize: number;
  /** Requests at a time. */
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

/** What became of one record. */
export interface RecordResult {
  readonly status: 'accepted' | 'duplicate' | 'refused';
  /** The field at fault, where the record was refused. */
  readonly field?: string;
  /** Why it was refused: stable, such as `missing`. */
  readonly reason?: string;
  readonly message?: string;
}

const accepted: RecordResult = { status: 'accepted' };
const tooLarge: RecordResult = {
  status: 'refused',
  field: '',
  reason: 'too-large',
  message: 'It is larger than a request may be.',
};

/**
 * Sends records in batches, several requests at a time, and returns what became of each, in their order.
 *
 * @throws UnacknowledgedError when a batch was not acknowledged; batches that were not begun by then are not sent.
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
  const answer = await sendRequest(endpoint, { ...route, body, ...(signal === undefined ? {} : { signal }) });
  if (answer.status === 413) {
    if (batch.length === 1) return [tooLarge];
    const half = Math.ceil(batch.length / 2);
    const first = await sendBatch(endpoint, route, batch.slice(0, half), signal);
    return [...first, ...(await sendBatch(endpoint, route, batch.slice(half), signal))];
  }
  const results = readResults(answer.body, batch.length);
  if (results !== undefined) return results;
  if (answer.status >= 400) throw errorOf(answer);
  throw new ClientError(`The answer of ${endpoint.url} is not one of Facet's`, {
    code: 'CLIENT_ANSWER_UNREADABLE',
    retryable: false,
  });
}

/** The answer names only the records that were not accepted; a batch of which all were refused is a 400 that names them. */
function readResults(body: unknown, count: number): RecordResult[] | undefined {
  const listed = (body as { readonly results?: unknown } | undefined)?.results;
  if (!Array.isArray(listed)) return undefined;
  const results = new Array<RecordResult>(count).fill(accepted);
  for (const { index, status, field, reason, message } of listed as (RecordResult & { readonly index: number })[]) {
    results[index] = {
      status,
      ...(field === undefined ? {} : { field }),
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
    };
  }
  return results;
}
