import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** How an API treats requests: as it should, not at all until the treatment changes, by closing the connection, or with a status. */
export type Treatment = 'normal' | 'slow' | 'down' | 401 | 429 | 503;

export interface HostileApi {
  readonly url: string;
  /** Treats requests like this from now on, including those that wait. */
  treat(treatment: Treatment): void;
}

const codes = { 401: 'UNAUTHORIZED', 429: 'RATE_LIMITED', 503: 'OVERLOADED' } as const;

/** Starts a server in front of a real API, which treats its callers badly on demand. It ends with the tests. */
export async function startHostileApi(target: string): Promise<HostileApi> {
  let treatment: Treatment = 'normal';
  let waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    // The caller may end a request at any time.
    respond(request, response).catch(() => response.destroy());
  }).unref();

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    // Probes get a response from a process that runs.
    const applied = url === '/readyz' && treatment !== 'down' ? 'normal' : treatment;
    if (applied === 'down') {
      request.socket.destroy();
      return;
    }
    if (applied === 'slow') await new Promise<void>((resolve) => waiting.push(resolve));
    if (typeof applied === 'number') {
      const message = `Refused with ${applied}.`;
      response.writeHead(applied, { 'content-type': 'application/json', 'retry-after': '1' });
      response.end(JSON.stringify({ statusCode: applied, code: codes[applied], message, remedy: 'Wait.' }));
      return;
    }
    const body = await text(request);
    const forwarded = await fetch(target + url, {
      method,
      headers: { 'x-api-key': String(headers['x-api-key'] ?? ''), 'content-type': 'application/json' },
      ...(body === '' ? {} : { body }),
    });
    response.writeHead(forwarded.status, { 'content-type': forwarded.headers.get('content-type') ?? 'text/plain' });
    response.end(Buffer.from(await forwarded.arrayBuffer()));
  }

  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    treat(next) {
      treatment = next;
      for (const resume of waiting) resume();
      waiting = [];
    },
  };
}
