import { runWorker } from '@facet/refresh';
import { readConfig } from './config.ts';
import { help } from './help.ts';
import { startIndexer } from './start-indexer.ts';

if (process.argv.slice(2).some((argument) => ['help', '--help', '-h'].includes(argument))) {
  process.stdout.write(help);
} else {
  await runWorker('indexer', () => readConfig(process.env), startIndexer);
}
