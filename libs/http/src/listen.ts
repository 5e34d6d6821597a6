import type { AddressInfo } from 'node:net';
import { AppError } from '@facet/platform';
import type { HttpApp } from './http-app.ts';

/**
 * Listens, and says where. An app that cannot listen is closed.
 *
 * @throws AppError `HTTP_ADDRESS_UNUSABLE` when the port is taken or the host is not this machine's.
 */
export async function listen(
  app: HttpApp,
  { host, port }: { readonly host: string; /** 0 takes a free one. */ readonly port: number },
): Promise<{ readonly url: string }> {
  await app.listen({ host, port }).catch(async (error: NodeJS.ErrnoException) => {
    await app.close();
    throw new AppError(`${host}:${port} cannot be listened on: ${error.message}.`, {
      code: 'HTTP_ADDRESS_UNUSABLE',
      category: 'unavailable',
      remedy:
        error.code === 'EADDRINUSE'
          ? 'Stop what uses the port, or choose another one with FACET_PORT.'
          : 'Choose an address of this machine with FACET_HOST and a port with FACET_PORT.',
      context: { host, port, cause: error.code },
      cause: error,
    });
  });
  const address = app.server.address() as AddressInfo;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}` };
}
