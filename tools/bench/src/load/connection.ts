import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** Receives the status of the response, or 0 for a broken connection. */
export type OnResponse = (status: number) => void;

/** A keep-alive connection with at most one request in flight. */
export interface Connection {
  readonly isBroken: boolean;
  send(request: Buffer, onResponse: OnResponse): void;
}

const receiveBytes = 1 << 16;
const headEnd = Buffer.from('\r\n\r\n');
const headBytesMax = 1 << 14;

/**
 * Opens a connection for HTTP/1.1 requests that are already encoded. It parses only the status and the length of a response,
 * because a general client would use as much processor time as serving does for a small response.
 */
async function openConnection(to: { readonly host: string; readonly port: number }): Promise<Connection> {
  let waiting: OnResponse | undefined;
  let status = 0;
  let bodyBytesLeft = -1;
  let head: Buffer = Buffer.alloc(0);
  let isBroken = false;

  const finish = (withStatus: number): void => {
    const onResponse = waiting;
    waiting = undefined;
    bodyBytesLeft = -1;
    head = Buffer.alloc(0);
    onResponse?.(withStatus);
  };
  const receive = (chunk: Buffer): void => {
    if (bodyBytesLeft >= 0) {
      bodyBytesLeft -= chunk.length;
    } else {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const end = head.indexOf(headEnd);
      if (end < 0) {
        if (head.length > headBytesMax) throw new Error(`the response head exceeds ${headBytesMax} bytes`);
        // The next chunk overwrites this buffer.
        head = Buffer.from(head);
        return;
      }
      const text = head.toString('latin1', 0, end);
      status = Number(text.slice(9, 12));
      const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
      if (length === undefined) throw new Error(`the response has no content-length:\n${text}`);
      bodyBytesLeft = Number(length) - (head.length - end - headEnd.length);
    }
    if (bodyBytesLeft === 0) finish(status);
  };
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opening = connect({
      ...to,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(receiveBytes),
        callback(bytes, buffer) {
          receive(Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
          return true;
        },
      },
    });
    opening.once('connect', () => resolve(opening)).once('error', reject);
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isBroken = true;
    finish(0);
  });
  return {
    get isBroken() {
      return isBroken;
    },
    send(request, onResponse) {
      waiting = onResponse;
      if (isBroken) finish(0);
      else socket.write(request);
    },
  };
}

/** Encodes a POST request with a JSON body. */
export function postBytes(url: URL, path: string, key: string, body: string): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${url.host}`,
    'content-type: application/json',
    `x-api-key: ${key}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** Requests queue when all of these connections are busy. */
const connectionsMax = 512;

/** Pool of connections. Uses the longest idle one first, so that all serving processes receive requests. */
export class ConnectionPool {
  readonly #to: { readonly host: string; readonly port: number };
  readonly #idle: Connection[] = [];
  readonly #waiting: { readonly request: Buffer; readonly onResponse: OnResponse }[] = [];
  #count = 0;

  constructor(url: URL) {
    this.#to = { host: url.hostname, port: Number(url.port) };
  }

  /** Opens connections in advance, so that no request waits for one. */
  async open(count: number): Promise<void> {
    while (this.#count < count) {
      this.#count++;
      this.#idle.push(await openConnection(this.#to));
    }
  }

  send(request: Buffer, onResponse: OnResponse): void {
    let connection = this.#idle.shift();
    while (connection?.isBroken === true) {
      this.#count--;
      connection = this.#idle.shift();
    }
    if (connection !== undefined) {
      this.#use(connection, request, onResponse);
      return;
    }
    this.#waiting.push({ request, onResponse });
    if (this.#count >= connectionsMax) return;
    this.#count++;
    void openConnection(this.#to).then(
      (opened) => this.#release(opened),
      () => {
        this.#count--;
        this.#waiting.shift()?.onResponse(0);
      },
    );
  }

  #use(connection: Connection, request: Buffer, onResponse: OnResponse): void {
    connection.send(request, (status) => {
      this.#release(connection);
      onResponse(status);
    });
  }

  #release(connection: Connection): void {
    if (connection.isBroken) {
      this.#count--;
      const next = this.#waiting.shift();
      if (next !== undefined) this.send(next.request, next.onResponse);
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(connection);
    else this.#use(connection, next.request, next.onResponse);
  }
}
