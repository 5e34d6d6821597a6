import { randomBytes } from 'node:crypto';
import { apiVariables, readApiUrls } from '@facet/config/api-urls';
import type { ApiName } from '@facet/config/api-urls';
import { homeVariables, parseVariables, readServerSettings, serverVariables } from '@facet/config/environment';
import type { ServerSettings } from '@facet/config/environment';
import { homePaths } from '@facet/config/home-paths';
import { hourMs } from '@facet/platform';
import { Type } from 'typebox';

/** The environment variables of this process. */
const Environment = Type.Object({
  ...homeVariables,
  /** The APIs behind the console. */
  ...apiVariables,
  /** Shows the firing alerts. */
  FACET_PROMETHEUS_URL: Type.Optional(Type.String({ pattern: '^https?://[^/\\s]+/?$' })),
  /** Seals session cookies. Set the same secret for all consoles behind a balancer. Default: a new one at each start. */
  FACET_CONSOLE_SECRET: Type.Optional(Type.String({ minLength: 32 })),
  /** The address in the browser. With https, session cookies are sent over https only. */
  FACET_CONSOLE_URL: Type.Optional(Type.String({ pattern: '^https?://[^/\\s]+/?$' })),
  FACET_SESSION_HOURS: Type.Number({ minimum: 0.01, maximum: 24 * 30, default: 12 }),
  /** 0 chooses a free port. */
  FACET_PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8085 }),
  ...serverVariables,
});

export interface ConsoleConfig extends ServerSettings {
  readonly upstreams: Readonly<Record<ApiName, string>>;
  readonly prometheus: string | undefined;
  readonly secret: string;
  readonly isHttps: boolean;
  readonly sessionMs: number;
  readonly port: number;
}

/**
 * Reads the environment.
 *
 * @throws AppError `CONFIG_INVALID` with every wrong variable.
 */
export function readConfig(environment: NodeJS.ProcessEnv): ConsoleConfig {
  const values = parseVariables(Environment, environment);
  const server = readServerSettings(values, homePaths(values.FACET_HOME));
  return Object.freeze({
    ...server,
    upstreams: readApiUrls(values),
    prometheus: values.FACET_PROMETHEUS_URL,
    secret: values.FACET_CONSOLE_SECRET ?? randomBytes(32).toString('base64url'),
    isHttps: values.FACET_CONSOLE_URL?.startsWith('https:') ?? server.tls !== undefined,
    sessionMs: values.FACET_SESSION_HOURS * hourMs,
    port: values.FACET_PORT,
  });
}
