import { Type } from 'typebox';

export const profileStoreVariables = {
  /** Unset: no profile store. */
  FACET_REDIS_URL: Type.Optional(Type.String({ pattern: '^rediss?://' })),
};

export const queueVariables = {
  /** The Redis server of the job queue: persistent, without eviction. */
  FACET_QUEUE_URL: Type.String({ pattern: '^rediss?://', default: 'redis://127.0.0.1:6379' }),
  FACET_QUEUE_PREFIX: Type.String({ pattern: '^[A-Za-z0-9._{}-]{1,100}$', default: 'facet' }),
};
