import { resolve } from 'node:path';
import { chooseAccessSource, serverVariables } from '@facet/http';
import type { AccessSource } from '@facet/http';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { prefixDefault } from '../queue/connection.ts';

/** The environment of trainer and indexer, each with what its absence means. */
export const workerVariables = {
  /** The data home: a folder that trainer and indexer share. */
  FACET_HOME: Type.String({ default: '.facet/default' }),
  /** Settings of the stages and of the schedule; without such a file the defaults. */
  FACET_CONFIG: Type.String({ default: 'facet.yaml' }),
  /** The Redis of the queue: durable, and not one that evicts. */
  FACET_QUEUE_URL: Type.String({ pattern: '^rediss?://', default: 'redis://127.0.0.1:6379' }),
  /** What its keys begin with. */
  FACET_QUEUE_PREFIX: Type.String({ pattern: '^[A-Za-z0-9._{}-]{1,100}$', default: prefixDefault }),
  /** A job whose worker was not heard of for so long is given to another one. */
  FACET_QUEUE_LOCK_SECONDS: Type.Number({ minimum: 1, maximum: 3_600, default: 30 }),
  ...serverVariables,
};
export type WorkerVariables = Static<Type.TObject<typeof workerVariables>>;

/** What a worker is told from outside. */
export interface WorkerConfig {
  readonly home: string;
  readonly configFile: string;
  readonly redisUrl: string;
  readonly prefix: string;
  readonly lockMs: number;
  readonly host: string;
  readonly port: number;
  /** Whom to answer. */
  readonly access: AccessSource;
  readonly logLevel: string;
}

/** @throws AppError `CONFIG_INVALID` when the variables contradict each other. */
export function workerConfig(values: WorkerVariables & { readonly FACET_PORT: number }): WorkerConfig {
  const home = resolve(values.FACET_HOME);
  return Object.freeze({
    home,
    configFile: resolve(values.FACET_CONFIG),
    redisUrl: values.FACET_QUEUE_URL,
    prefix: values.FACET_QUEUE_PREFIX,
    lockMs: values.FACET_QUEUE_LOCK_SECONDS * 1000,
    host: values.FACET_HOST,
    port: values.FACET_PORT,
    access: chooseAccessSource(values, home),
    logLevel: values.FACET_LOG_LEVEL,
  });
}
