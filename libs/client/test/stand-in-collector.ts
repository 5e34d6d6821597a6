import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A response instead of storing the records; `hang-up` closes the connection without a response. */
export type Fault =
  { status: number; body?: unknown; headers?: Record<string, string> } | 'hang-up' | 'hang-up-after-storing';

const erasure = { erasureId: 'erasure-1', requestedAt: 1 };

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly contentType: string;
  readonly authorization: string;
  readonly records: readonly Record<string, unknown>[];
}

/**
 * Starts a server with the HTTP API of the collector that can fail on demand and remembers the stored records.
 */
export async function startStandInCollector() {
  const faults: Fault[] = [];
  const requests: ReceivedRequest[] = [];
  const stored: Record<string, unknown>[] = [];
  const sockets = new Set<Socket>();
  let permanentFault: Fault | undefined;

  const server = createServer(async (request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', 'retry-after');
    const received = await readRequest(request);
    requests.push(received);
    const fault = faults.shift() ?? permanentFault;
    if (fault === 'hang-up') return request.socket.destroy();
    if (typeof fault === 'object') return respond(response, fault.status, fault.body, fault.headers);
    const results = received.records.flatMap((record, index) =>
      record['itemId'] === '' ? [{ index, status: 'refused', field: 'itemId', reason: 'empty' }] : [],
    );
    const refused = new Set(results.map(({ index }) => index));
    stored.push(...received.records.filter((_, index) => !refused.has(index)));
    if (fault === 'hang-up-after-storing') return request.socket.destroy();
    if (request.method === 'DELETE') return respond(response, 202, erasure);
    const accepted = received.records.length - results.length;
    return respond(response, 202, { accepted, duplicates: 0, refused: results.length, stored: 'log', results });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stored,
    /** Makes the next requests fail, one for each fault. */
    failNext: (...next: Fault[]) => void faults.push(...next),
    /** Makes all requests fail until the next call. */
    failAll(fault: Fault | undefined) {
      permanentFault = fault;
    },
    storedIds: () => stored.map(({ eventId }) => eventId as string),
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type StandInCollector = Awaited<ReturnType<typeof startStandInCollector>>;

async function readRequest(request: IncomingMessage): Promise<ReceivedRequest> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  const { method = '', url = '', headers } = request;
  return {
    method,
    url,
    contentType: headers['content-type'] ?? '',
    authorization: headers.authorization ?? '',
    records: text === '' ? [] : (Object.values(JSON.parse(text))[0] as Record<string, unknown>[]),
  };
}

function respond(response: ServerResponse, status: number, body?: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
