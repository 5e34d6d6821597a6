import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyPluginOptions,
  FastifySchema,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import fp from 'fastify-plugin';
import type { TSchema } from 'typebox';
import type { RouteAccess } from './access/access.ts';
import { problemResponses } from './problems/problem.ts';

/** Fastify with TypeBox schemas as types. */
export type HttpApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Creates a plugin whose hooks and decorators apply to the context that registers it, instead of a child context. */
export function definePlugin<Options extends FastifyPluginOptions = Record<never, never>>(
  name: string,
  register: (app: HttpApp, options: Options) => void,
): (app: FastifyInstance, options: Options) => Promise<void> {
  return fp(async (app: FastifyInstance, options: Options) => register(app as unknown as HttpApp, options), { name });
}

/** The schemas and the description of a route. `response` is that of the status 200. */
type RouteDescription = Omit<FastifySchema, 'response'> & { readonly response: TSchema };

type RouteSchema<Route extends RouteDescription> = Omit<Route, 'response'> & {
  readonly response: { readonly 200: Route['response'] } & typeof problemResponses;
};

interface RouteGroup {
  readonly scope: RouteAccess['scope'];
  readonly tag: string;
  /** Milliseconds. Default: the response timeout of the app. */
  readonly handlerTimeout?: number;
}

/** Returns a function that completes the options of the routes of a group: their scope, their tag and their failure responses. */
export function describeRoutes({ scope, tag, ...options }: RouteGroup) {
  return <Route extends RouteDescription>({ response, ...schema }: Route) => ({
    ...options,
    config: { scope },
    schema: {
      tags: [tag],
      ...schema,
      response: { 200: response, ...problemResponses },
    } as unknown as RouteSchema<Route>,
  });
}
