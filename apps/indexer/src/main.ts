import { parseVariables } from '@facet/config/environment';
import { describeVariables } from '@facet/config/variables';
import { runWorker, workerConfig } from '@facet/refresh';
import { startIndexer } from './start-indexer.ts';

/** The output of `indexer --help`. */
const help = `Builds, judges and promotes bundles: executes the stages index, gate and promote. Between two bundles it publishes new and
withdrawn items of the catalog as deltas.

Configure the indexer with environment variables. It takes no arguments. The trainer executes the other stages. Both share
the data home.

${describeVariables('indexer')}
Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 5 unusable port. More: docs/refresh.md
`;

await runWorker(
  'indexer',
  help,
  (environment) => {
    const values = parseVariables('indexer', environment);
    return { ...workerConfig(values), deltaMs: values.FACET_DELTA_SECONDS * 1000 };
  },
  startIndexer,
);
