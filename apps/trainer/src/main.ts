import { respondToArguments } from '@facet/platform/app-arguments';
import { runWorker } from '@facet/refresh';
import { help, readConfig } from './config.ts';
import { startTrainer } from './start-trainer.ts';

const exitCode = respondToArguments(process.argv.slice(2), { name: 'trainer', help });
if (exitCode === undefined) {
  await runWorker('trainer', () => readConfig(process.env), startTrainer);
} else {
  process.exitCode = exitCode;
}
