import { setTimeout as sleep } from 'node:timers/promises';

interface SendOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly body?: object;
  readonly key?: string;
  readonly timeoutMs?: number;
}

/** Sends a request with JSON; a POST by default. Returns undefined without a response. */
export async function send(
  url: string,
  { method = 'POST', body, key, timeoutMs = 20_000 }: SendOptions,
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string } | undefined> {
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'x-api-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch {
    return undefined;
  }
}

/**
 * Calls `work` at a steady rate, whether earlier calls have ended or not. Passes the scheduled time by `performance.now()`, and the
 * number of the call, from 0. Returns a function that ends this and waits for all calls.
 */
export function repeat(everyMs: number, work: (at: number, number: number) => Promise<unknown>): () => Promise<void> {
  const open = new Set<Promise<unknown>>();
  let isOver = false;
  const run = async (): Promise<void> => {
    let at = performance.now();
    for (let number = 0; !isOver; number++, at += everyMs) {
      await sleep(Math.max(0, at - performance.now()));
      const call = work(at, number).finally(() => open.delete(call));
      open.add(call);
    }
  };
  const running = run();
  return async () => {
    isOver = true;
    await running;
    await Promise.all(open);
  };
}
