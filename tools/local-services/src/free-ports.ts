import { createServer } from 'node:net';
import type { Server } from 'node:net';

/** Below the ephemeral ports of Linux, so no outgoing connection takes a port while its server is down. */
const FIRST_PORT = 20_000;
const PORTS = 6_000;

/**
 * Returns ports of 127.0.0.1 without a listener. While this process lives, no other call returns them, in any process:
 * for each, the process listens on the port 6,000 above.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    const reservation = await listen(port + PORTS);
    if (reservation === undefined) continue;
    reservation.unref();
    const server = await listen(port);
    if (server === undefined) continue;
    await new Promise((resolve) => server.close(resolve));
    found.push(port);
  }
  return found;
}

/** Returns a server that listens on the port, or `undefined` if another does. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1' }, () => resolve(server));
  });
}
