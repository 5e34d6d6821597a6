import { homeVariables, readConfigPath, readServerSettings, serverVariables } from '@facet/config/environment';
import type { ServerSettings } from '@facet/config/environment';
import { homePaths } from '@facet/config/home-paths';
import { queueVariables, readRedisFiles } from '@facet/config/redis-settings';
import type { RedisFiles } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** The environment variables that trainer and indexer share. */
export const workerVariables = {
  ...homeVariables,
  ...queueVariables,
  /** A job whose worker is silent for this time goes to another worker. */
  FACET_QUEUE_LOCK_SECONDS: Type.Number({ minimum: 1, maximum: 3_600, default: 30 }),
  ...serverVariables,
};
type WorkerVariables = Static<Type.TObject<typeof workerVariables>>;

export interface WorkerConfig extends ServerSettings {
  readonly home: string;
  readonly configFile: string;
  readonly redisUrl: string;
  readonly redisFiles: RedisFiles;
  readonly prefix: string;
  readonly lockMs: number;
  readonly port: number;
}

/** @throws AppError `CONFIG_INVALID` when the variables contradict each other. */
export function workerConfig(values: WorkerVariables & { readonly FACET_PORT: number }): WorkerConfig {
  const home = homePaths(values.FACET_HOME);
  return Object.freeze({
    ...readServerSettings(values, home),
    home: home.folder,
    configFile: readConfigPath(values),
    redisUrl: values.FACET_QUEUE_URL,
    redisFiles: readRedisFiles(values, 'FACET_QUEUE'),
    prefix: values.FACET_QUEUE_PREFIX,
    lockMs: values.FACET_QUEUE_LOCK_SECONDS * 1000,
    port: values.FACET_PORT,
  });
}
