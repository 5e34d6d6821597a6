import { createServer } from 'node:net';

/** Below the ephemeral ports of Linux, so no outgoing connection takes a port while its server is down. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** The ports of earlier calls, on which servers may not listen yet. */
const returned = new Set<number>();

/** Returns ports of 127.0.0.1 without a listener. Every call in a process returns others. */
export async function findFreePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (returned.has(port) || !(await isFree(port))) continue;
    returned.add(port);
    found.add(port);
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
