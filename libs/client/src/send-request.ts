import type { Address } from './address.ts';
import { ClientError } from './client-error.ts';
import { retryDelayMs } from './retry-delay.ts';
import type { Problem } from './serving/serving-api.ts';

/** The server, and how long to try to reach it. */
export interface Endpoint extends Address {
  /** Time limit of one attempt. */
  readonly timeoutMs: number;
  /** No attempt starts later than this after the first. */
  readonly giveUpAfterMs: number;
  /** Default: the `fetch` of the platform. */
  readonly fetch?: typeof fetch;
}

export interface ClientRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Includes the query. */
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface ServerResponse {
  readonly status: number;
  /** Parsed JSON; `undefined` without JSON. */
  readonly body: unknown;
}

const backoff = { firstMs: 200, maxMs: 10_000 };
/** The server, or a proxy in front of it, is temporarily unavailable. */
const temporaryStatuses: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/**
 * Sends a request, which must be idempotent, until the response is anything but a temporary failure.
 *
 * @throws ClientError `CLIENT_UNREACHABLE`, or the code of the server's last problem, when the time is up. The signal's reason
 * when it aborts.
 */
export async function sendRequest(endpoint: Endpoint, request: ClientRequest): Promise<ServerResponse> {
  const giveUpAt = Date.now() + endpoint.giveUpAfterMs;
  for (let failures = 1; ; failures++) {
    const { response, error, retryAfter } = await attempt(endpoint, request);
    if (response !== undefined) return response;
    const delayMs = retryDelayMs(failures, retryAfter, backoff);
    if (Date.now() + delayMs > giveUpAt) throw error;
    await sleep(delayMs, request.signal);
  }
}

/** @throws the signal's reason when it aborts */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

type Attempt =
  | { response: ServerResponse; error?: never; retryAfter?: never }
  | { response?: never; error: ClientError; retryAfter: string | null };

async function attempt(endpoint: Endpoint, request: ClientRequest): Promise<Attempt> {
  const { url, key, timeoutMs, fetch: send = fetch } = endpoint;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const reply = await send(`${url}${request.path}`, {
      method: request.method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: request.body,
      signal: request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout]),
    });
    const response = { status: reply.status, body: parseJson(await reply.text()) };
    if (!temporaryStatuses.has(response.status)) return { response };
    return { error: errorOf(response), retryAfter: reply.headers.get('retry-after') };
  } catch (cause) {
    request.signal?.throwIfAborted();
    const reason = timeout.aborted ? `no response within ${timeoutMs} ms` : describeCause(cause);
    const error = new ClientError(`${url} could not be reached: ${reason}`, {
      code: 'CLIENT_UNREACHABLE',
      retryable: true,
      cause,
    });
    return { error, retryAfter: null };
  }
}

/** Returns a response other than success as an error. */
export function errorOf({ status, body }: ServerResponse): ClientError {
  const retryable = temporaryStatuses.has(status);
  if (!isProblem(body)) {
    return new ClientError(`The server responded with status ${status}`, { code: `HTTP_${status}`, retryable });
  }
  return new ClientError(body.message, { code: body.code, retryable, problem: body });
}

/** Returns the error for a response that does not come from Facet. */
export function unreadableResponse({ url }: Endpoint): ClientError {
  return new ClientError(`The response of ${url} is not a response of Facet`, {
    code: 'CLIENT_RESPONSE_UNREADABLE',
    retryable: false,
  });
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

/** The message of `fetch` is only `fetch failed`, so this returns the message of its cause. */
function describeCause(error: unknown): string {
  const { cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? cause.message : String(error);
}
