import type { HTTPMethods } from 'fastify';
import type { HttpApp } from './http-app.ts';

/** Every route of a ready app, read from its router: for tests that must not miss one. */
export function listRoutes(app: HttpApp): { readonly method: HTTPMethods; readonly url: string }[] {
  const path: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const match = /^(?<indent>[│ ]*)[├└]── (?<part>\S+)(?: \((?<methods>[A-Z, ]+)\))?$/.exec(line);
      if (match === null) return [];
      const { indent = '', part = '', methods } = match.groups!;
      path.length = indent.length / 4;
      path.push(part);
      const url = path.join('');
      return methods === undefined ? [] : methods.split(', ').map((method) => ({ method: method as HTTPMethods, url }));
    });
}
