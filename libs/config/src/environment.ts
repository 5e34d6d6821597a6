import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AppError, invalidConfig, parseEnvironment, problemsOf } from '@facet/platform';
import type { AccessSource, CertificateFiles, ConfigProblem } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { homePaths } from './home-paths.ts';
import type { HomePaths } from './home-paths.ts';
import { kafkaVariables, readKafkaSettings } from './kafka-settings.ts';
import { findUnknownVariables } from './known-variables.ts';
import { profileStoreVariables, queueVariables, readRedisFiles } from './redis-settings.ts';
import { readServerCertificate } from './setting-files.ts';

export const defaultHome = join('.facet', 'default');
export const defaultConfigFile = 'facet.yaml';

/** Variables of every process that works on a data home. */
export const homeVariables = {
  FACET_HOME: Type.String({ default: defaultHome }),
  /** Default: `facet.yaml` in the working directory, which may be missing. */
  FACET_CONFIG: Type.Optional(Type.String()),
};

/** Variables of every HTTP server. */
export const serverVariables = {
  FACET_HOST: Type.String({ default: '127.0.0.1' }),
  /** With both files, the server speaks HTTPS. */
  FACET_TLS_CERT_FILE: Type.Optional(Type.String()),
  FACET_TLS_KEY_FILE: Type.Optional(Type.String()),
  /** Default: `keys.yaml` in the data home. */
  FACET_API_KEYS_FILE: Type.Optional(Type.String()),
  /** `true`: respond to requests without an API key. */
  FACET_INSECURE: Type.Union([Type.Literal('true'), Type.Literal('false')], { default: 'false' }),
  FACET_LOG_LEVEL: Type.Union(
    (['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const).map((level) => Type.Literal(level)),
    { default: 'info' },
  ),
};

/**
 * Parses the variables that an app reads.
 *
 * @throws AppError `CONFIG_INVALID` naming each wrong variable, and each that begins with `FACET_` and that no part of Facet reads.
 */
export function parseVariables<Schema extends Type.TObject>(
  schema: Schema,
  environment: NodeJS.ProcessEnv,
): Static<Schema> {
  const { values, problems } = checkVariables(schema, environment);
  if (values === undefined || problems.length > 0) throw invalidConfig('the environment', problems);
  return values;
}

/** Returns the problems of wrong and unknown variables, and the values unless one is wrong. */
function checkVariables<Schema extends Type.TObject>(
  schema: Schema,
  environment: NodeJS.ProcessEnv,
): { readonly values: Static<Schema> | undefined; readonly problems: readonly ConfigProblem[] } {
  let values: Static<Schema> | undefined;
  const wrong = problemsOf(() => (values = parseEnvironment(schema, environment)), []);
  return { values, problems: [...findUnknownVariables(environment), ...wrong] };
}

type Values<Variables extends Type.TProperties> = Static<Type.TObject<Variables>>;

/**
 * Returns the path of the configuration file. Only the default file may be missing, because a missing file means all defaults.
 *
 * @throws AppError `CONFIG_UNREADABLE` if `FACET_CONFIG` names a missing file.
 */
export function readConfigPath({ FACET_CONFIG: file }: Pick<Values<typeof homeVariables>, 'FACET_CONFIG'>): string {
  const path = resolve(file ?? defaultConfigFile);
  if (file === undefined || existsSync(path)) return path;
  throw new AppError(`FACET_CONFIG names ${path}, which does not exist.`, {
    code: 'CONFIG_UNREADABLE',
    category: 'usage',
    remedy: 'Correct the path, or unset FACET_CONFIG to use the defaults.',
    context: { path },
  });
}

/** The settings of an HTTP server. */
export interface ServerSettings {
  readonly host: string;
  /** Without it, the app speaks HTTP. */
  readonly tls?: CertificateFiles | undefined;
  /** Which requests to accept. */
  readonly access: AccessSource;
  readonly logLevel: string;
}

/**
 * Returns host, certificate, access and log level of an HTTP server.
 *
 * @throws AppError `CONFIG_INVALID` for contradictory access, and for a certificate that is not usable.
 */
export function readServerSettings(
  values: Omit<Values<typeof serverVariables>, 'FACET_LOG_LEVEL' | `FACET_TLS_${string}`> & {
    readonly FACET_LOG_LEVEL: string;
    readonly FACET_TLS_CERT_FILE?: string | undefined;
    readonly FACET_TLS_KEY_FILE?: string | undefined;
  },
  { keysFile }: Pick<HomePaths, 'keysFile'>,
): ServerSettings {
  const { FACET_API_KEYS_FILE: file, FACET_INSECURE: insecure } = values;
  if (insecure === 'true' && file !== undefined) {
    throw new AppError('FACET_INSECURE=true contradicts FACET_API_KEYS_FILE.', {
      code: 'CONFIG_INVALID',
      category: 'usage',
      remedy: 'Unset one of the two variables.',
    });
  }
  return {
    host: values.FACET_HOST,
    tls: readServerCertificate(values),
    access: insecure === 'true' ? 'anybody' : { keysFile: resolve(file ?? keysFile) },
    logLevel: values.FACET_LOG_LEVEL,
  };
}

const AllVariables = Type.Object({
  ...homeVariables,
  ...kafkaVariables,
  ...profileStoreVariables,
  ...queueVariables,
  ...serverVariables,
});

/** Returns the problems of the variables that several apps share, and of unknown ones. Each app also checks its other variables. */
export function findEnvironmentProblems(environment: NodeJS.ProcessEnv): readonly ConfigProblem[] {
  const { values, problems } = checkVariables(AllVariables, environment);
  if (values === undefined) return problems;
  return [
    ...problems,
    ...problemsOf(() => readKafkaSettings(values), []),
    ...problemsOf(() => readRedisFiles(values, 'FACET_REDIS'), []),
    ...problemsOf(() => readRedisFiles(values, 'FACET_QUEUE'), []),
    ...problemsOf(() => readServerSettings(values, homePaths(values.FACET_HOME)), ['FACET_INSECURE']),
  ].map(({ problem, ...each }) => ({ ...each, problem: problem.replace(/^FACET_\w+:? /, '') }));
}
