import { respondToArguments } from '@facet/platform/app-arguments';
import { runWorker } from '@facet/refresh';
import { help, readConfig } from './config.ts';
import { startIndexer } from './start-indexer.ts';

const exitCode = respondToArguments(process.argv.slice(2), { name: 'indexer', help });
if (exitCode === undefined) {
  await runWorker('indexer', () => readConfig(process.env), startIndexer);
} else {
  process.exitCode = exitCode;
}
