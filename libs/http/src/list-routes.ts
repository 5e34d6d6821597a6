import type { HTTPMethods } from 'fastify';
import type { HttpApp } from './http-app.ts';

/**
 * A line of the tree: how deep, the next piece of the path, and the methods of a route that ends there. The line of an
 * empty root is none, and adds no piece.
 */
const linePattern = /^(?<indent>[│ ]*)[├└]── (?<part>\S+)(?: \((?<methods>[A-Z, ]+)\))?$/;

/** Every route of a ready app, read from its router: for tests that must not miss one. */
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
      return methods === undefined ? [] : methods.split(', ').map((method) => ({ method: method as HTTPMethods, url }));
    });
}
