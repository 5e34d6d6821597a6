export interface SendOptions {
  readonly method?: 'POST' | 'PUT' | 'DELETE';
  readonly body?: object;
  readonly key?: string;
}

const requestTimeoutMs = 20_000;

/** Sends a request with JSON; a POST by default. Returns undefined without a response. */
export async function send(
  url: string,
  { method = 'POST', body, key }: SendOptions,
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string } | undefined> {
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'x-api-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch {
    return undefined;
  }
}
