import { ClientError } from '../client-error.ts';
import type { Problem } from '../client-error.ts';
import { retryDelayMs } from '../retry-delay.ts';

/** Where requests go, and for how long they are tried. */
export interface Endpoint {
  /** Without a path. */
  readonly url: string;
  readonly key: string;
  /** How long one attempt may take. */
  readonly timeoutMs: number;
  /** No attempt is begun later than this after the first. */
  readonly giveUpAfterMs: number;
  /** That of the platform unless told. */
  readonly fetch?: typeof fetch;
}

export interface ClientRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With the query, where there is one. */
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  /** Parsed JSON; `undefined` when there is none. */
  readonly body: unknown;
}

const backoff = { firstMs: 200, maxMs: 10_000 };
/** The server, or a proxy before it, is not there for the moment. */
const passingStatuses: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/**
 * Sends a request that may be repeated, until it is answered with anything but a passing failure.
 *
 * @throws ClientError `CLIENT_UNREACHABLE` or the code of the server's last problem when the time is up. The signal's
 * reason when that is aborted.
 */
export async function sendRequest(endpoint: Endpoint, request: ClientRequest): Promise<Answer> {
  const giveUpAt = Date.now() + endpoint.giveUpAfterMs;
  for (let failures = 1; ; failures++) {
    const { answer, error, retryAfter } = await attempt(endpoint, request);
    if (answer !== undefined) return answer;
    const delayMs = retryDelayMs(failures, retryAfter, backoff);
    if (Date.now() + delayMs > giveUpAt) throw error;
    await sleep(delayMs, request.signal);
  }
}

/** @throws the signal's reason when that is aborted. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

type Attempt =
  | { answer: Answer; error?: never; retryAfter?: never }
  | { answer?: never; error: ClientError; retryAfter: string | null };

async function attempt(endpoint: Endpoint, request: ClientRequest): Promise<Attempt> {
  const { url, key, timeoutMs, fetch: send = fetch } = endpoint;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await send(`${url}${request.path}`, {
      method: request.method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
      signal: request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout]),
    });
    const answer = { status: response.status, body: parseJson(await response.text()) };
    if (!passingStatuses.has(answer.status)) return { answer };
    return { error: errorOf(answer), retryAfter: response.headers.get('retry-after') };
  } catch (cause) {
    request.signal?.throwIfAborted();
    const why = timeout.aborted ? `it did not answer within ${timeoutMs} ms` : describeCause(cause);
    const error = new ClientError(`${url} could not be reached: ${why}`, {
      code: 'CLIENT_UNREACHABLE',
      retryable: true,
      cause,
    });
    return { error, retryAfter: null };
  }
}

/** What an answer other than success says, as an error. */
export function errorOf({ status, body }: Answer): ClientError {
  const retryable = passingStatuses.has(status);
  if (!isProblem(body)) return new ClientError(`The server answered ${status}`, { code: `HTTP_${status}`, retryable });
  const remedy = body.remedy === undefined ? '' : ` ${body.remedy}`;
  return new ClientError(`${body.message}${remedy}`, { code: body.code, retryable, problem: body });
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'message' in body;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch failed` says nothing; its cause does. */
function describeCause(error: unknown): string {
  const { cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? cause.message : String(error);
}
