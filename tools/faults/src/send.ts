export interface SendOptions {
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
