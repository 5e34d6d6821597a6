import { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { AppError } from '@facet/platform';
import type { HTTPMethods } from 'fastify';
import type { HttpApp } from './http-app.ts';

/**
 * Listens and returns the URL. Closes an app that cannot listen.
 *
 * @throws AppError `HTTP_ADDRESS_UNUSABLE` if the port is in use or the host is not an address of this machine.
 */
export async function listen(
  app: HttpApp,
  { host, port }: { readonly host: string; /** 0 chooses a free port. */ readonly port: number },
): Promise<{ readonly url: string }> {
  await app.listen({ host, port }).catch(async (error: NodeJS.ErrnoException) => {
    await app.close();
    throw new AppError(`Cannot listen on ${host}:${port}: ${error.message}.`, {
      code: 'HTTP_ADDRESS_UNUSABLE',
      category: 'unavailable',
      remedy:
        error.code === 'EADDRINUSE'
          ? 'Stop the process that uses the port, or set FACET_PORT to another port.'
          : 'Set FACET_HOST to an address of this machine, and FACET_PORT to a port.',
      context: { host, port, cause: error.code },
      cause: error,
    });
  });
  const address = app.server.address() as AddressInfo;
  const scheme = app.server instanceof Server ? 'https' : 'http';
  return { url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${address.port}` };
}

/** A line of Fastify's route tree: indentation, the next part of the path, and the methods of a route that ends there. */
const linePattern = /^(?<indent>[│ ]*)[├└]── (?<part>\S+)(?: \((?<methods>[A-Z, ]+)\))?$/;

/** Lists every route of a ready app, for tests that must cover all routes. */
export function listRoutes(app: HttpApp): { readonly method: HTTPMethods; readonly url: string }[] {
  const path: string[] = [];
  return app
    .printRoutes()
    .split('\n')
    .flatMap((line) => {
      const match = linePattern.exec(line);
      if (match === null) return [];
      const { indent = '', part = '', methods } = match.groups!;
      path.length = indent.length / 4;
      path.push(part);
      const url = path.join('');
      return methods === undefined ? [] : methods.split(', ').map((method) => ({ method, url }));
    });
}
