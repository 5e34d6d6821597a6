import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** Called with the status of the answer, or 0 when the connection broke before there was one. */
export type Answered = (status: number) => void;

/** One connection that stays open, with at most one request under way. */
export interface Lane {
  readonly isBroken: boolean;
  send(request: Buffer, answered: Answered): void;
  close(): void;
}

const receiveBytes = 1 << 16;
const headEnd = Buffer.from('\r\n\r\n');
const headBytesMax = 1 << 14;

/**
 * Opens a connection for HTTP/1.1 requests that are bytes already. It reads of an answer only what it must, the status
 * and the length, as a general client would take as much of the processor as a small answer.
 */
export async function openLane(to: { readonly host: string; readonly port: number }): Promise<Lane> {
  let waiting: Answered | undefined;
  let status = 0;
  let bodyBytesLeft = -1;
  let head: Buffer = Buffer.alloc(0);
  let isBroken = false;

  const finish = (withStatus: number): void => {
    const answered = waiting;
    waiting = undefined;
    bodyBytesLeft = -1;
    head = Buffer.alloc(0);
    answered?.(withStatus);
  };
  const receive = (chunk: Buffer): void => {
    if (bodyBytesLeft >= 0) {
      bodyBytesLeft -= chunk.length;
    } else {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const end = head.indexOf(headEnd);
      if (end < 0) {
        if (head.length > headBytesMax) throw new Error('an answer without an end of its head');
        // The chunk's memory is used again for the next one.
        head = Buffer.from(head);
        return;
      }
      const text = head.toString('latin1', 0, end);
      status = Number(text.slice(9, 12));
      const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
      if (length === undefined) throw new Error(`an answer without a length:\n${text}`);
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
    send(request, answered) {
      waiting = answered;
      if (isBroken) finish(0);
      else socket.write(request);
    },
    close() {
      socket.destroy();
    },
  };
}

/** The bytes of a POST of JSON. */
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
