import { parseVariables } from '@facet/config/environment';
import { workerConfig, workerVariables } from '@facet/refresh';
import type { WorkerConfig } from '@facet/refresh';
import { Type } from 'typebox';

const Environment = Type.Object({
  ...workerVariables,
  FACET_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8083 }),
  /** The time between two rounds of the scheduler. */
  FACET_SCHEDULER_SECONDS: Type.Number({ minimum: 0.1, maximum: 3_600, default: 60 }),
});

export interface TrainerConfig extends WorkerConfig {
  readonly schedulerMs: number;
}

/** @throws AppError `CONFIG_INVALID` naming each wrong variable. */
export function readConfig(environment: NodeJS.ProcessEnv): TrainerConfig {
  const values = parseVariables(Environment, environment);
  return Object.freeze({ ...workerConfig(values), schedulerMs: values.FACET_SCHEDULER_SECONDS * 1000 });
}
