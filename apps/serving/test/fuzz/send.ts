import { connect } from 'node:net';
import type { HttpApp } from '@facet/http';
import type { ReceivedResponse } from '../api-contract.ts';
import type { FuzzCase } from './cases.ts';

/** Sends a request without a socket. */
export async function sendInside(app: HttpApp, { method, url, headers, body }: FuzzCase): Promise<ReceivedResponse> {
  const response = await app.inject({ method: method as 'GET', url, headers, payload: body });
  return { statusCode: response.statusCode, headers: response.headers, body: response.body };
}

/** Damage in transit. Each damaged request has an end, so that the server does not wait for the rest. */
const breaks: readonly ((request: Buffer) => Buffer)[] = [
  (request) => request.subarray(0, request.length >> 1),
  (request) => Buffer.concat([Buffer.from('\x16\x03\x01\x02\x00\x01\x00'), request]),
  (request) => Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), request]),
  (request) => replaced(request, ' HTTP/1.1', ' HTTP/1.0'),
  (request) => replaced(request, ' HTTP/1.1', ' HTTP/9.9'),
  (request) => replaced(request, ' HTTP/1.1', ' \0'),
  (request) => replaced(request, 'host: a\r\n', ''),
  (request) => replaced(request, 'host: a\r\n', `host: a\r\nx-long: ${'x'.repeat(20_000)}\r\n`),
  (request) => replaced(request, 'host: a\r\n', `host: a\r\n${'x: y\r\n'.repeat(2_500)}`),
  (request) => replaced(request, 'host: a\r\n', 'host: a\r\nexpect: 100-continue\r\n'),
  (request) => replaced(request, 'host: a\r\n', 'host: a\r\nexpect: wonders\r\n'),
  (request) => replaced(request, 'host: a\r\n', 'host: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n'),
  (request) => replaced(request, 'host: a\r\n', 'host: a\r\nx\x01y: z\r\n'),
  (request) => replaced(request, 'host: a\r\n', 'host: a\r\nx-request-id: \xff\xfe\r\n'),
  (request) => replaced(request, 'content-length: ', 'content-length: 1, '),
  (request) => replaced(request, 'content-length: ', 'content-length: -'),
  (request) => replaced(request, 'content-length: ', 'transfer-encoding: chunked\r\ncontent-length: '),
  (request) => replaced(request, /content-length: \d+/, 'transfer-encoding: chunked'),
  (request) => replaced(request, /^\S+ \S+/, 'CONNECT a:1'),
  (request) => replaced(request, /^\S+ \S+/, 'OPTIONS *'),
  (request) => replaced(request, /^(\S+) /, '$1 http://evil.example'),
  (request) => Buffer.concat([request, request]),
];

function replaced(request: Buffer, what: string | RegExp, by: string): Buffer {
  return Buffer.from(request.toString('latin1').replace(what, by), 'latin1');
}

/** Sends a request over a new connection. Returns undefined if the server closed it without a response, which is allowed for broken requests only. */
export async function sendThroughSocket(port: number, sent: FuzzCase): Promise<ReceivedResponse | undefined> {
  const { method, url, headers, body, wire } = sent;
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const head = [
    `${method} ${url} HTTP/1.1`,
    'host: a',
    'connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(bytes === undefined ? [] : [`content-length: ${bytes.length}`]),
  ];
  const whole = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), bytes ?? Buffer.alloc(0)]);
  const request = wire === 'broken' ? breaks[whole.length % breaks.length]!(whole) : whole;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const parts: Buffer[] = [];
  await new Promise<void>((resolve) => {
    socket.on('data', (part) => parts.push(part));
    // A server may end a connection that it cannot understand.
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.on('end', () => resolve());
    // The response to a broken request may lack its end.
    if (wire === 'broken') socket.end(request);
    else socket.write(request);
  });
  socket.destroy();
  return readResponse(Buffer.concat(parts));
}

function readResponse(bytes: Buffer): ReceivedResponse | undefined {
  if (bytes.length === 0) return undefined;
  const text = bytes.toString('utf8');
  const match = /^HTTP\/1\.1 (\d{3}) [^\r]*\r\n/.exec(text);
  // Node sends 100 Continue before the response.
  if (match?.[1] === '100') return readResponse(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4));
  const end = text.indexOf('\r\n\r\n');
  if (match === null || end === -1) throw new Error(`This is no HTTP: ${text.slice(0, 200)}`);
  const headers = Object.fromEntries(
    text
      .slice(match[0].length, end)
      .split('\r\n')
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const body = text.slice(end + 4);
  return {
    statusCode: Number(match[1]),
    headers,
    body: headers['transfer-encoding'] === 'chunked' ? joinChunks(body) : body,
  };
}

function joinChunks(text: string): string {
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.subarray(at, lineEnd).toString(), 16);
    if (!(length > 0)) break;
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
  return Buffer.concat(parts).toString();
}
