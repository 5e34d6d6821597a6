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

/**
 * Creates a plugin whose hooks and decorators apply to the context that registers it, instead of a child context.
 *
 * @param meta.dependencies names of plugins that must be registered first. Fastify checks them at boot.
 */
export function definePlugin<Options extends FastifyPluginOptions = Record<never, never>>(
  meta: { readonly name: string; readonly dependencies?: readonly string[] },
  register: (app: HttpApp, options: Options) => void,
): (app: FastifyInstance, options: Options) => Promise<void> {
  return fp(async (app: FastifyInstance, options: Options) => register(app as unknown as HttpApp, options), {
    name: meta.name,
    dependencies: [...(meta.dependencies ?? [])],
  });
}
