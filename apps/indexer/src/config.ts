import { parseVariables } from '@facet/config/environment';
import { describeVariables } from '@facet/config/variables';
import { workerConfig } from '@facet/refresh';
import type { WorkerConfig } from '@facet/refresh';

/** The output of `indexer --help`. */
export const help = `Builds, judges and promotes bundles: executes the stages index, gate and promote. Between two bundles it publishes new and
withdrawn items of the catalog as deltas.

Configure the indexer with environment variables. It takes no arguments. The trainer executes the other stages. Both share
the data home.

${describeVariables('indexer')}
Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 5 unusable port. More: docs/refresh.md
`;

export interface IndexerConfig extends WorkerConfig {
  readonly deltaMs: number;
}

/** @throws AppError `CONFIG_INVALID` naming each wrong variable. */
export function readConfig(environment: NodeJS.ProcessEnv): IndexerConfig {
  const values = parseVariables('indexer', environment);
  return Object.freeze({ ...workerConfig(values), deltaMs: values.FACET_DELTA_SECONDS * 1000 });
}
