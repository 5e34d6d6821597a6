import { parseVariables } from '@facet/config/environment';
import { workerConfig, workerVariables } from '@facet/refresh';
import type { WorkerConfig } from '@facet/refresh';
import { Type } from 'typebox';

const Environment = Type.Object({
  ...workerVariables,
  FACET_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8084 }),
  /** The time between two checks of the catalog; 0 turns the checks off. */
  FACET_DELTA_SECONDS: Type.Number({ minimum: 0, maximum: 3_600, default: 5 }),
});

export interface IndexerConfig extends WorkerConfig {
  readonly deltaMs: number;
}

/** @throws AppError `CONFIG_INVALID` naming each wrong variable. */
export function readConfig(environment: NodeJS.ProcessEnv): IndexerConfig {
  const values = parseVariables(Environment, environment);
  return Object.freeze({ ...workerConfig(values), deltaMs: values.FACET_DELTA_SECONDS * 1000 });
}
