import { createServer, request } from 'node:http';
import type { ClientRequest, IncomingMessage, Server } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface S3ProxyRules {
  /** Returns false to close the connection instead of passing on the response. */
  readonly onResponse?: (request: IncomingMessage) => Promise<boolean>;
  /** Returns true to respond with 503. */
  readonly refuses?: (request: IncomingMessage) => boolean;
  /** Returns true to send the request twice and pass on the second response. */
  readonly repeats?: (request: IncomingMessage) => boolean;
}

/** Returns a server that passes requests on to an S3 server. */
export function createS3Proxy(endpoint: string, { onResponse, refuses, repeats }: S3ProxyRules): Server {
  const { hostname: host, port } = new URL(endpoint);
  return createServer((incoming, outgoing) => {
    if (refuses?.(incoming) === true) return void incoming.resume().on('end', () => outgoing.writeHead(503).end());
    const { method = '', url = '', headers } = incoming;
    const forward = (use: (response: IncomingMessage) => void): ClientRequest =>
      request({ host, port, method, path: url, headers }, use);
    const pass = (response: IncomingMessage): void => {
      void (onResponse?.(incoming) ?? Promise.resolve(true)).then((isPassed) => {
        if (isPassed) response.pipe(outgoing.writeHead(response.statusCode ?? 500, response.headers));
        else incoming.socket.destroy();
      });
    };
    if (repeats?.(incoming) !== true) return void incoming.pipe(forward(pass));
    void buffer(incoming).then((body) =>
      forward((first) => void first.resume().on('end', () => forward(pass).end(body))).end(body),
    );
  });
}
