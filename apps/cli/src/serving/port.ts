import { createServer } from 'node:net';
import { AppError } from '@facet/platform/errors';

/** Where `facet serve` and the demo listen unless told otherwise. */
export const defaultHost = '127.0.0.1';
export const defaultPort = 8080;

/** Why nothing can listen there (`EADDRINUSE`, `EACCES`, …), or undefined when something can. */
export async function whyUnusable(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

export function addressUnusable(host: string, port: number, reason: string): AppError {
  const isTaken = reason === 'EADDRINUSE';
  const what = isTaken
    ? `Port ${port} of ${host} is in use by another program.`
    : `${host}:${port} cannot be listened on: ${reason}.`;
  return new AppError(what, {
    code: 'HTTP_ADDRESS_UNUSABLE',
    category: 'unavailable',
    remedy: isTaken
      ? 'Stop that program, or choose another port with --port (0: any free one).'
      : 'Choose an address of this machine with --host and a port above 1023 with --port.',
  });
}
