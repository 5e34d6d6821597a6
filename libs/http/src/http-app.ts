import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyPluginOptions,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import fp from 'fastify-plugin';

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
