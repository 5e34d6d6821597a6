import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** How an API treats a request: as it should, after a delay, by closing the connection, or with a status. */
export type Treatment = 'normal' | 'down' | { readonly delayMs: number } | { readonly status: 401 | 403 | 429 | 503 };

export interface HostileApi {
  readonly url: string;
  /** How it treats requests from now on. */
  treatment: Treatment;
}

const codes = { 401: 'UNAUTHORIZED', 403: 'FORBIDDEN', 429: 'RATE_LIMITED', 503: 'OVERLOADED' } as const;

/** Starts a server in front of a real API, which treats its callers badly on demand. It ends with the test. */
export async function startHostileApi(target: string): Promise<HostileApi> {
  const api: { url: string; treatment: Treatment } = { url: '', treatment: 'normal' };
  const server = createServer((request, response) => {
    // The caller may end a request at any time.
    respond(request, response).catch(() => response.destroy());
  });

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { treatment } = api;
    if (treatment === 'down') {
      request.socket.destroy();
      return;
    }
    if (typeof treatment === 'object' && 'status' in treatment) {
      const { status } = treatment;
      const problem = { statusCode: status, code: codes[status], message: `Refused with ${status}.`, remedy: 'Wait.' };
      response.writeHead(status, { 'content-type': 'application/json', 'retry-after': '1' });
      response.end(JSON.stringify(problem));
      return;
    }
    if (typeof treatment === 'object') await new Promise((resolve) => setTimeout(resolve, treatment.delayMs));
    const { method = 'GET', url = '/', headers } = request;
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
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return api;
}
