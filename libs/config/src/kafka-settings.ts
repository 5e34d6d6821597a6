import { Type } from 'typebox';
import type { Static } from 'typebox';
import { parseEnvironment } from '@facet/platform';
import type { TlsFiles } from '@facet/platform';
import { readableFile, readTlsFiles, wrongVariable } from './setting-files.ts';

const passwordVariables = ['FACET_KAFKA_USER', 'FACET_KAFKA_PASSWORD_FILE'] as const;
/** The variables that each mechanism needs. */
const saslVariables = {
  PLAIN: passwordVariables,
  'SCRAM-SHA-256': passwordVariables,
  'SCRAM-SHA-512': passwordVariables,
  OAUTHBEARER: ['FACET_KAFKA_TOKEN_FILE'],
} as const;
type Mechanism = keyof typeof saslVariables;

const text = Type.Optional(Type.String());

export const kafkaVariables = {
  /** `host:port` of one or more brokers, separated by commas. */
  FACET_KAFKA_BROKERS: Type.String({ default: '127.0.0.1:9092' }),
  FACET_TOPIC_PREFIX: Type.String({ pattern: '^[A-Za-z0-9._-]{1,100}$', default: 'facet' }),
  FACET_KAFKA_TLS: Type.Union([Type.Literal('true'), Type.Literal('false')], { default: 'false' }),
  FACET_KAFKA_CA_FILE: text,
  FACET_KAFKA_CERT_FILE: text,
  FACET_KAFKA_KEY_FILE: text,
  FACET_KAFKA_SASL_MECHANISM: Type.Optional(
    Type.Union([
      Type.Literal('PLAIN'),
      Type.Literal('SCRAM-SHA-256'),
      Type.Literal('SCRAM-SHA-512'),
      Type.Literal('OAUTHBEARER'),
    ]),
  ),
  FACET_KAFKA_USER: text,
  FACET_KAFKA_PASSWORD_FILE: text,
  FACET_KAFKA_TOKEN_FILE: text,
};
type Values = Static<Type.TObject<typeof kafkaVariables>>;

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
  return readKafkaSettings(parseEnvironment(Type.Object(kafkaVariables), environment));
}

/** @throws AppError `CONFIG_INVALID` for a malformed address, contradictory variables, and files that are not usable. */
export function readKafkaSettings(values: Values): KafkaSettings {
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

function readSasl(values: Values, hasTls: boolean): KafkaSettings['sasl'] {
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
