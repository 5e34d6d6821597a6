import { connect } from 'node:net';

const METADATA_API = 3;
const VERSION = 1;
const TIMEOUT_MS = 2_000;

interface BrokerAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Returns the ids of the brokers that a client would learn from the broker at this address: those that are registered and
 * serving.
 *
 * @throws Error if the broker is unreachable or does not respond within 2 s.
 */
export async function requestBrokerIds(broker: BrokerAddress): Promise<number[]> {
  return parseBrokerIds(await exchange(broker, metadataRequest()));
}

/** Returns a request of size, header, and an empty list of topics, because only brokers matter. */
function metadataRequest(): Buffer {
  const clientId = 'facet-local-services';
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + clientId.length + 4);
  let at = request.writeInt32BE(request.length - 4);
  at = request.writeInt16BE(METADATA_API, at);
  at = request.writeInt16BE(VERSION, at);
  at = request.writeInt32BE(1, at);
  at = request.writeInt16BE(clientId.length, at);
  at += request.write(clientId, at);
  request.writeInt32BE(0, at);
  return request;
}

/**
 * Returns the broker ids of a response.
 *
 * @param response Without its size: correlation id, then id, host, port and rack of each broker.
 */
function parseBrokerIds(response: Buffer): number[] {
  let at = 4;
  const ids = new Array<number>(response.readInt32BE(at));
  at += 4;
  for (let i = 0; i < ids.length; i++) {
    ids[i] = response.readInt32BE(at);
    at += 4;
    at += 2 + response.readInt16BE(at);
    at += 4;
    at += 2 + Math.max(0, response.readInt16BE(at));
  }
  return ids;
}

function exchange({ address, port }: BrokerAddress, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: address }, () => socket.write(request));
    let received = Buffer.alloc(0);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no response from ${address}:${port}`)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE()) return;
      resolve(received.subarray(4));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${address}:${port} closed the connection`)));
  });
}
