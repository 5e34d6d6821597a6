import { createServer } from 'node:net';

/** Below the ports that Linux hands out by itself: no outgoing connection takes one while its server is down. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** Ports of 127.0.0.1 that nothing listens on, all different. */
export async function findFreePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}
