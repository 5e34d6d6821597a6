import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { AppError, parseEnvironment, parseRedisUrl, redisUrlForms } from '@facet/platform';
import type { CertificateFiles, ConfigProblem, RedisAddress, RedisFiles, TlsFiles } from '@facet/platform';
import { variablesWith } from './variables.ts';
import type { VariableName, Values } from './variables.ts';

type Given = Readonly<Record<string, unknown>>;

const passwordVariables = ['FACET_KAFKA_USER', 'FACET_KAFKA_PASSWORD_FILE'] as const;
/** The variables that each mechanism needs. */
const saslVariables = {
  PLAIN: passwordVariables,
  'SCRAM-SHA-256': passwordVariables,
  'SCRAM-SHA-512': passwordVariables,
  OAUTHBEARER: ['FACET_KAFKA_TOKEN_FILE'],
} as const;
type Mechanism = keyof typeof saslVariables;

type KafkaValues = Values<Extract<VariableName, `FACET_KAFKA_${string}`>>;

/** How to reach a Kafka cluster. */
export interface KafkaSettings {
  readonly brokers: readonly string[];
  /** Undefined: connections in plain text. */
  readonly tls: TlsFiles | undefined;
  /** Undefined: no authentication, or by the certificate. */
  readonly sasl:
    | { readonly mechanism: 'OAUTHBEARER'; readonly tokenFile: string }
    | {
        readonly mechanism: Exclude<Mechanism, 'OAUTHBEARER'>;
        readonly user: string;
        readonly passwordFile: string;
      }
    | undefined;
}

/** Returns the settings in an environment. @throws AppError as {@link readKafkaSettings}. */
export function parseKafkaSettings(environment: NodeJS.ProcessEnv): KafkaSettings {
  return readKafkaSettings(parseEnvironment(variablesWith('FACET_KAFKA_'), environment));
}

/** @throws AppError `CONFIG_INVALID` for a malformed address, contradictory variables, and files that are not usable. */
export function readKafkaSettings(values: KafkaValues): KafkaSettings {
  const hasTls = values.FACET_KAFKA_TLS === 'true';
  const files = readTlsFiles(values, 'FACET_KAFKA', { hasTls, howToEnable: 'set FACET_KAFKA_TLS=true' });
  return {
    brokers: parseBrokers(values.FACET_KAFKA_BROKERS),
    tls: hasTls ? files : undefined,
    sasl: readSasl(values, hasTls),
  };
}

function parseBrokers(list: string): string[] {
  const brokers = list.split(',').map((broker) => broker.trim());
  const wrong = brokers.find((broker) => !/^\S+:\d{1,5}$/.test(broker));
  if (wrong === undefined) return brokers;
  const problem = `has "${wrong}", which is not a broker address`;
  throw wrongVariable('FACET_KAFKA_BROKERS', problem, 'Write host:port, separated by commas.');
}

function readSasl(values: KafkaValues, hasTls: boolean): KafkaSettings['sasl'] {
  const mechanism = values.FACET_KAFKA_SASL_MECHANISM;
  const needed: readonly string[] = mechanism === undefined ? [] : saslVariables[mechanism];
  for (const name of [...passwordVariables, ...saslVariables.OAUTHBEARER]) {
    const isSet = values[name] !== undefined;
    if (isSet === needed.includes(name)) continue;
    const problem = `is ${isSet ? 'set' : 'missing'}, but FACET_KAFKA_SASL_MECHANISM is ${mechanism ?? 'not set'}`;
    throw wrongVariable(name, problem, isSet ? 'Unset it, or correct FACET_KAFKA_SASL_MECHANISM.' : 'Set it.');
  }
  if (mechanism === undefined) return undefined;
  if (!hasTls && !mechanism.startsWith('SCRAM')) {
    const problem = `is ${mechanism}, which would send the secret without encryption`;
    const remedy = 'Set FACET_KAFKA_TLS=true, and FACET_KAFKA_BROKERS to the TLS listeners.';
    throw wrongVariable('FACET_KAFKA_SASL_MECHANISM', problem, remedy);
  }
  if (mechanism === 'OAUTHBEARER') {
    return { mechanism, tokenFile: readableFile(values, 'FACET_KAFKA_TOKEN_FILE') ?? '' };
  }
  const passwordFile = readableFile(values, 'FACET_KAFKA_PASSWORD_FILE') ?? '';
  return { mechanism, user: values.FACET_KAFKA_USER ?? '', passwordFile };
}

/** The beginning of the variables of the profile store or of the queue. */
type RedisPrefix = 'FACET_REDIS' | 'FACET_QUEUE';

/**
 * Returns the files of the connections to a Redis.
 *
 * @throws AppError `CONFIG_INVALID` for contradictory variables, and for files that are not usable.
 */
export function readRedisFiles(values: Given, prefix: RedisPrefix): RedisFiles {
  const url = values[`${prefix}_URL`];
  const address = url === undefined ? undefined : addressOf(`${prefix}_URL`, url as string);
  const howToEnable = `begin ${prefix}_URL with rediss`;
  const tls = readTlsFiles(values, prefix, { hasTls: address?.hasTls ?? false, howToEnable });
  const [password, sentinelPassword] = [`${prefix}_PASSWORD_FILE`, `${prefix}_SENTINEL_PASSWORD_FILE`] as const;
  const passwordFile = readableFile(values, password);
  if (passwordFile !== undefined && address?.password !== undefined) {
    const problem = `is set, but ${prefix}_URL contains a password`;
    throw wrongVariable(password, problem, 'Remove the password from the URL.');
  }
  const sentinelPasswordFile = readableFile(values, sentinelPassword);
  if (sentinelPasswordFile !== undefined && address?.kind !== 'sentinel') {
    const problem = `is set, but ${prefix}_URL names no Sentinels`;
    throw wrongVariable(sentinelPassword, problem, `Unset it, or begin ${prefix}_URL with redis+sentinel://.`);
  }
  return { ...tls, passwordFile, sentinelPasswordFile };
}

function addressOf(name: string, url: string): RedisAddress {
  try {
    return parseRedisUrl(url);
  } catch (error) {
    throw wrongVariable(name, (error as Error).message, `Set it to ${redisUrlForms}.`, error);
  }
}

/** Returns the files in an environment for the profile store or the queue at `url`. @throws AppError as {@link readRedisFiles}. */
export function parseRedisFiles(prefix: RedisPrefix, environment: NodeJS.ProcessEnv, url: string): RedisFiles {
  const variables = { ...environment, [`${prefix}_URL`]: url };
  return readRedisFiles(parseEnvironment(variablesWith(`${prefix}_`), variables), prefix);
}

type MilvusValues = Values<Extract<VariableName, `FACET_MILVUS_${string}`>>;

/** How to reach a Milvus. */
export interface MilvusConnection {
  /** `host:port` */
  readonly address: string;
  /** Contains `user:password` or an API key. */
  readonly tokenFile: string | undefined;
  /** Undefined: connections in plain text. */
  readonly tls: TlsFiles | undefined;
  readonly searchMsMax: number;
}

/** A Milvus in the same network needs a few milliseconds. Guardrails tolerate 500 ms. */
const searchMsMax = 100;

/**
 * Returns undefined without `FACET_MILVUS_ADDRESS`.
 *
 * @throws AppError `CONFIG_INVALID` for a malformed address, contradictory variables, and files that are not usable.
 */
export function readMilvusSettings(values: MilvusValues): MilvusConnection | undefined {
  const { FACET_MILVUS_ADDRESS: address, ...others } = values;
  if (address === undefined) {
    const unused = Object.keys(others).find((name) => name.startsWith('FACET_MILVUS_'));
    if (unused === undefined) return undefined;
    const remedy = 'Set FACET_MILVUS_ADDRESS to host:port, or unset it.';
    throw wrongVariable(unused, 'is set, but FACET_MILVUS_ADDRESS is not', remedy);
  }
  const port = /^[^\s/:]+:(\d{1,5})$/.exec(address)?.[1];
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535) {
    const remedy = 'Write host:port, and set FACET_MILVUS_TLS=true for TLS.';
    throw wrongVariable('FACET_MILVUS_ADDRESS', `is "${address}", which is not an address`, remedy);
  }
  const hasTls = values.FACET_MILVUS_TLS === 'true';
  const files = readTlsFiles(values, 'FACET_MILVUS', { hasTls, howToEnable: 'set FACET_MILVUS_TLS=true' });
  const tokenFile = readableFile(values, 'FACET_MILVUS_TOKEN_FILE');
  if (tokenFile !== undefined && !hasTls) {
    const problem = 'is set, but the connection would send the token without encryption';
    throw wrongVariable('FACET_MILVUS_TOKEN_FILE', problem, 'Set FACET_MILVUS_TLS=true, or unset it.');
  }
  return { address, tokenFile, tls: hasTls ? files : undefined, searchMsMax };
}

/**
 * Returns the files that `PREFIX_CA_FILE`, `PREFIX_CERT_FILE` and `PREFIX_KEY_FILE` name.
 *
 * @throws AppError `CONFIG_INVALID` for a file that is not usable, and for files without TLS.
 */
function readTlsFiles(
  values: Given,
  prefix: string,
  { hasTls, howToEnable }: { readonly hasTls: boolean; readonly howToEnable: string },
): TlsFiles {
  const [ca, cert, key] = [`${prefix}_CA_FILE`, `${prefix}_CERT_FILE`, `${prefix}_KEY_FILE`] as const;
  const given = [ca, cert, key].filter((name) => values[name] !== undefined);
  const [unused] = given;
  if (!hasTls && unused !== undefined) {
    throw wrongVariable(unused, 'is set, but the connection does not use TLS', `Unset it, or ${howToEnable}.`);
  }
  const [alone, missing] = given.includes(cert) ? [cert, key] : [key, cert];
  if (given.includes(alone) && !given.includes(missing)) {
    throw wrongVariable(missing, `is missing, but ${alone} is set`, 'Set both or neither.');
  }
  const [caFile, certFile, keyFile] = [ca, cert, key].map((name) => readableFile(values, name));
  if (caFile !== undefined) {
    const parse = () => new X509Certificate(readFileSync(caFile));
    requirePem(ca, 'is not a certificate', parse);
  }
  if (certFile !== undefined && keyFile !== undefined) {
    const parse = () => createSecureContext({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
    requirePem(cert, `is not the certificate of the key in ${key}`, parse);
  }
  return { caFile, certFile, keyFile };
}

/**
 * Returns the files of the certificate of an HTTP server, `FACET_TLS_CERT_FILE` and `FACET_TLS_KEY_FILE`; undefined without them.
 *
 * @throws AppError `CONFIG_INVALID` as {@link readTlsFiles}, and for an expired certificate.
 */
export function readServerCertificate(values: Given): CertificateFiles | undefined {
  const { certFile, keyFile } = readTlsFiles(values, 'FACET_TLS', { hasTls: true, howToEnable: '' });
  if (certFile === undefined || keyFile === undefined) return undefined;
  const { validTo } = new X509Certificate(readFileSync(certFile));
  if (Date.parse(validTo) < Date.now()) {
    const remedy = 'Renew the certificate, or correct the clock of this machine.';
    throw wrongVariable('FACET_TLS_CERT_FILE', `names a certificate that has expired on ${validTo}`, remedy);
  }
  return { certFile, keyFile };
}

function requirePem(name: string, problem: string, parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    const reason = (error as Error).message;
    throw wrongVariable(name, `${problem}: ${reason}`, 'Use PEM files, and a key without a passphrase.', error);
  }
}

/** Returns the absolute path of the file that a variable names. @throws AppError `CONFIG_INVALID` if it is not readable. */
function readableFile(values: Given, name: string): string | undefined {
  const value = values[name];
  if (typeof value !== 'string') return undefined;
  const file = resolve(value);
  try {
    readFileSync(file);
    return file;
  } catch (error) {
    const problem = `names ${file}, which cannot be read: ${(error as Error).message}`;
    throw wrongVariable(name, problem, 'Correct the path or the permissions of the file.', error);
  }
}

/** Returns the error of a variable. `problem` completes a sentence that begins with its name. */
function wrongVariable(name: string, problem: string, remedy: string, cause?: unknown): AppError {
  return new AppError(`${name} ${problem}.`, {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy,
    context: { problems: [{ path: [name], problem, remedy }] satisfies ConfigProblem[] },
    cause,
  });
}
