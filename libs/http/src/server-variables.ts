import { Type } from 'typebox';
import { accessVariables } from './access/access-source.ts';

/** The part of an app's environment that every HTTP app has. */
export const serverVariables = {
  FACET_HOST: Type.String({ default: '127.0.0.1' }),
  ...accessVariables,
  FACET_LOG_LEVEL: Type.Union(
    (['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const).map((level) => Type.Literal(level)),
    { default: 'info' },
  ),
};
