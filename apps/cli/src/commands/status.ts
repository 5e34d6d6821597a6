import { homePaths } from '@facet/config/home-paths';
import { AppError } from '@facet/platform';
import { addHome, addNotes } from '../command.ts';
import type { CommandContext, CommonOptions, Register } from '../command.ts';
import { checkApps } from '../status/apps.ts';
import { checkHome, checkServices } from '../status/parts.ts';

export const registerStatus: Register = (command, deps) => {
  addNotes(
    addHome(command, deps),
    `Asks the apps at the addresses of the console (FACET_SERVING_URL, FACET_COLLECTOR_URL, FACET_SINK_URL, FACET_TRAINER_URL,
FACET_INDEXER_URL, FACET_CONSOLE_URL), Kafka at FACET_KAFKA_BROKERS, and Redis at FACET_REDIS_URL and FACET_QUEUE_URL. Kafka and
Redis are not configured if their variables are not set. An app is not configured if its variable is not set and it does not respond
at its default address. This is not an error.

FACET_API_KEY lets the command read more. With the scope read: the lag of the sink and the schedule. With the scope admin also: the
spool of the ingest and whether serving can read profiles. It sends the key only to apps whose addresses you set in variables.

Exits with 5 if a part is not healthy.`,
    'facet status',
    'facet status --home /var/lib/facet --json',
  ).action(deps.action(showStatus, { reportsVariables: true }));
};

async function showStatus(options: CommonOptions, context: CommandContext): Promise<void> {
  const { environment, output, terminal } = context;
  const home = homePaths(options.home);
  const checked = [
    checkApps(environment),
    checkHome(options, { home, environment, now: Date.now() }),
    checkServices(home, context),
  ];
  const parts = (await Promise.all(checked)).flat();
  const unhealthy = parts.filter(({ state }) => state === 'unhealthy').map(({ name }) => name);
  output.document({ home: home.folder, healthy: unhealthy.length === 0, parts });
  const { style } = terminal;
  const colors = { healthy: 'green', unhealthy: 'red', 'not-configured': 'dim' } as const;
  output.table(
    ['Part', 'State', 'Details'],
    parts.map(({ name, state, details }) => [name, style(colors[state], state.replace('-', ' ')), details]),
  );
  if (unhealthy.length === 0) return;
  throw new AppError(
    `${unhealthy.length === 1 ? 'A part is' : `${unhealthy.length} parts are`} not healthy: ${unhealthy.join(', ')}.`,
    {
      code: 'CLI_UNHEALTHY',
      category: 'unavailable',
      remedy: 'See the details in the table above.',
      context: { unhealthy },
    },
  );
}
