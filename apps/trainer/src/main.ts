import { parseVariables } from '@facet/config/environment';
import { describeVariables } from '@facet/config/variables';
import { runWorker, workerConfig } from '@facet/refresh';
import { startTrainer } from './start-trainer.ts';

/** The output of `trainer --help`. */
const help = `Retrains the model every day: maintains the schedule and executes the stages dataset, train and evaluate.

Configure the trainer with environment variables. It takes no arguments. The indexer executes the other stages. Both share
the data home.

${describeVariables('trainer')}
Request a refresh and follow it:

  curl -X POST http://127.0.0.1:8083/v1/refreshes -H 'x-api-key: …' -H 'content-type: application/json' -d '{}'
  curl -N http://127.0.0.1:8083/v1/refreshes/2026-01-31/events -H 'x-api-key: …'

Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 5 unusable port. More: docs/refresh.md
`;

await runWorker(
  'trainer',
  help,
  (environment) => {
    const values = parseVariables('trainer', environment);
    return { ...workerConfig(values), schedulerMs: values.FACET_SCHEDULER_SECONDS * 1000 };
  },
  startTrainer,
);
