import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError, invalidConfig, nearestName, parseEnvironment, problemsOf } from '@facet/platform';
import type { AccessSource, CertificateFiles, ConfigProblem } from '@facet/platform';
import type { Static, TObject } from 'typebox';
import { readKafkaSettings, readMilvusSettings, readRedisFiles, readServerCertificate } from './connections.ts';
import { homePaths } from './home-paths.ts';
import type { HomePaths } from './home-paths.ts';
import { removedVariables } from './removed-settings.ts';
import { allVariables, defaultConfigFile, variables, variablesOf } from './variables.ts';
import type { App, AppValues, Values } from './variables.ts';

/**
 * Parses the variables that an app reads.
 *
 * @throws AppError `CONFIG_INVALID` naming each wrong variable, and each that begins with `FACET_` and that no part of Facet reads.
 */
export function parseVariables<Of extends App>(app: Of, environment: NodeJS.ProcessEnv): AppValues<Of> {
  const { values, problems } = checkVariables(variablesOf(app), environment);
  if (values === undefined || problems.length > 0) throw invalidConfig('the environment', problems);
  return values;
}

/** Returns the problems of wrong and unknown variables, and the values unless one is wrong. */
function checkVariables<Schema extends TObject>(
  schema: Schema,
  environment: NodeJS.ProcessEnv,
): { readonly values: Static<Schema> | undefined; readonly problems: readonly ConfigProblem[] } {
  let values: Static<Schema> | undefined;
  const wrong = problemsOf(() => (values = parseEnvironment(schema, environment)), []);
  return { values, problems: [...findUnknownVariables(environment), ...wrong] };
}

/**
 * Returns the path of the configuration file. Only the default file may be missing, because a missing file means all defaults.
 *
 * @throws AppError `CONFIG_UNREADABLE` if `FACET_CONFIG` names a missing file.
 */
export function readConfigPath({ FACET_CONFIG: file }: Values<'FACET_CONFIG'>): string {
  const path = resolve(file ?? defaultConfigFile);
  if (file === undefined || existsSync(path)) return path;
  throw new AppError(`FACET_CONFIG names ${path}, which does not exist.`, {
    code: 'CONFIG_UNREADABLE',
    category: 'usage',
    remedy: 'Correct the path, or unset FACET_CONFIG to use the defaults.',
    context: { path },
  });
}

type ServerVariable =
  'FACET_HOST' | 'FACET_API_KEYS_FILE' | 'FACET_INSECURE' | 'FACET_LOG_LEVEL' | `FACET_TLS_${'CERT' | 'KEY'}_FILE`;

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
  values: Omit<Values<ServerVariable>, 'FACET_LOG_LEVEL'> & { readonly FACET_LOG_LEVEL: string },
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

/** Returns the problems of all variables, and of unknown ones. */
export function findEnvironmentProblems(environment: NodeJS.ProcessEnv): readonly ConfigProblem[] {
  const { values, problems } = checkVariables(allVariables(), environment);
  if (values === undefined) return problems;
  return [
    ...problems,
    ...problemsOf(() => readKafkaSettings(values), []),
    ...problemsOf(() => readRedisFiles(values, 'FACET_REDIS'), []),
    ...problemsOf(() => readRedisFiles(values, 'FACET_QUEUE'), []),
    ...problemsOf(() => readMilvusSettings(values), []),
    ...problemsOf(() => readServerSettings(values, homePaths(values.FACET_HOME)), ['FACET_INSECURE']),
  ].map(({ problem, ...each }) => ({ ...each, problem: problem.replace(/^FACET_\w+:? /, '') }));
}

const names = Object.keys(variables).map((name) => name.replace('FACET_', ''));

/** For a service whose name begins with `facet`, Kubernetes sets such variables in each container of the namespace. */
const isOfKubernetes = (name: string, value: string): boolean =>
  /_SERVICE_(HOST|PORT)|_PORT_\d+_/.test(name) || /^(tcp|udp|sctp):\/\//.test(value);

/** Returns a problem for each variable that begins with `FACET_` and that no part of Facet reads. Its name is probably misspelled. */
function findUnknownVariables(environment: NodeJS.ProcessEnv): ConfigProblem[] {
  return Object.entries(environment)
    .filter(([name, value = '']) => name.startsWith('FACET_') && value !== '' && !isOfKubernetes(name, value))
    .filter(([name]) => !Object.hasOwn(variables, name))
    .map(([name]) => {
      const remedy = removedVariables[name];
      if (remedy !== undefined) return { path: [name], problem: 'is no longer a variable of Facet', remedy };
      const nearest = nearestName(name.replace('FACET_', ''), names);
      const question = nearest === undefined ? '' : ` (did you mean FACET_${nearest}?)`;
      return { path: [name], problem: `is not a variable of Facet${question}` };
    });
}

/** @throws AppError `CONFIG_INVALID` naming each variable of {@link findUnknownVariables}. */
export function refuseUnknownVariables(environment: NodeJS.ProcessEnv): void {
  const problems = findUnknownVariables(environment);
  if (problems.length > 0) throw invalidConfig('the environment', problems);
}
