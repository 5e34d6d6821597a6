import type { FastifySchema } from 'fastify';
import type { TSchema } from 'typebox';
import type { RouteAccess } from './access/access.ts';
import type { ProblemCatalog } from './problems/problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The errors that the route can throw in addition to those of its app. */
    readonly errors?: ProblemCatalog;
  }
}

/** The schemas, the errors and the description of a route. `response` is the schema of status 200. */
type RouteDescription = Omit<FastifySchema, 'response'> & {
  readonly response: TSchema;
  readonly errors?: ProblemCatalog;
};

type RouteSchema<Route extends RouteDescription> = Omit<Route, 'response' | 'errors'> & {
  readonly response: { readonly 200: Route['response'] };
};

interface RouteGroup {
  readonly scope: RouteAccess['scope'];
  readonly tag: string;
  /** The errors that each route of the group can throw in addition to those of its app. */
  readonly errors?: ProblemCatalog;
  /** Milliseconds. Default: the response timeout of the app. */
  readonly handlerTimeout?: number;
}

/** Returns a function that completes the options of the routes of a group: their scope, their tag and their errors. */
export function describeRoutes({ scope, tag, errors: ofGroup, ...options }: RouteGroup) {
  return <Route extends RouteDescription>({ response, errors, ...schema }: Route) => ({
    ...options,
    config: { scope, errors: { ...ofGroup, ...errors } },
    schema: {
      tags: [tag],
      ...schema,
      response: { 200: response },
    } as unknown as RouteSchema<Route>,
  });
}
