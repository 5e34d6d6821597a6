import { randomBytes } from 'node:crypto';
import { readApiUrls } from '@facet/config/api-urls';
import { parseVariables, readServerSettings } from '@facet/config/environment';
import { homePaths } from '@facet/config/home-paths';
import { describeVariables } from '@facet/config/variables';
import { hourMs } from '@facet/platform';

/** The output of `console --help`. */
export const help = `Serves the console: a web page that shows what the other processes do. The server forwards its requests to their APIs.

Configure the console with environment variables. It takes no arguments and stores nothing.

${describeVariables('console')}
Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong settings, 5 unusable port. More: docs/console.md
`;

export type ConsoleConfig = ReturnType<typeof readConfig>;

/**
 * Reads the environment.
 *
 * @throws AppError `CONFIG_INVALID` with every wrong variable.
 */
export function readConfig(environment: NodeJS.ProcessEnv) {
  const values = parseVariables('console', environment);
  const server = readServerSettings(values, homePaths(values.FACET_HOME));
  return Object.freeze({
    ...server,
    upstreams: readApiUrls(values),
    prometheus: values.FACET_PROMETHEUS_URL,
    secret: values.FACET_CONSOLE_SECRET ?? randomBytes(32).toString('base64url'),
    isHttps: values.FACET_CONSOLE_URL?.startsWith('https:') ?? server.tls !== undefined,
    sessionMs: 12 * hourMs,
    port: values.FACET_PORT,
  });
}
