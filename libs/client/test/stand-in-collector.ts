import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** An answer that the server gives instead of taking the records; `hang-up` ends the connection without one. */
export type Trouble =
  { status: number; body?: unknown; headers?: Record<string, string> } | 'hang-up' | 'hang-up-after-taking';

const erasure = { erasureId: 'erasure-1', userHash: 'abc', requestedAt: 1 };

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly contentType: string;
  readonly authorization: string;
  readonly records: readonly Record<string, unknown>[];
}

/**
 * Stands in for the collector where a test needs failures on demand: answers as its HTTP contract says, and remembers what
 * it took.
 */
export async function startStandInCollector() {
  const troubles: Trouble[] = [];
  const requests: ReceivedRequest[] = [];
  const taken: Record<string, unknown>[] = [];
  const sockets = new Set<Socket>();
  let standing: Trouble | undefined;

  const server = createServer(async (request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', 'retry-after');
    const received = await readRequest(request);
    requests.push(received);
    const trouble = troubles.shift() ?? standing;
    if (trouble === 'hang-up') return request.socket.destroy();
    if (typeof trouble === 'object') return answer(response, trouble.status, trouble.body, trouble.headers);
    const results = received.records.flatMap((record, index) =>
      record['itemId'] === '' ? [{ index, status: 'refused', field: 'itemId', reason: 'empty' }] : [],
    );
    const refused = new Set(results.map(({ index }) => index));
    taken.push(...received.records.filter((_, index) => !refused.has(index)));
    if (trouble === 'hang-up-after-taking') return request.socket.destroy();
    if (request.method === 'DELETE') return answer(response, 202, erasure);
    const accepted = received.records.length - results.length;
    return answer(response, 202, { accepted, duplicates: 0, refused: results.length, stored: 'log', results });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    taken,
    /** The next requests meet these, one each. */
    meet: (...next: Trouble[]) => void troubles.push(...next),
    /** All requests meet this until told otherwise. */
    stand(trouble: Trouble | undefined) {
      standing = trouble;
    },
    takenIds: () => taken.map(({ eventId }) => eventId as string),
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

function answer(response: ServerResponse, status: number, body?: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
