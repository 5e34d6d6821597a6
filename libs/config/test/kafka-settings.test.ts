import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCertificates } from '@facet/local-services';
import { folderOfFile } from '@facet/testing';
import { beforeAll, expect, it } from 'vitest';
import { parseKafkaSettings } from '../src/connections.ts';

const folder = folderOfFile();
/** TLS with a certificate of this process. */
let tls: Record<string, string>;
let foreignKeyFile: string;
let passwordFile: string;

beforeAll(async () => {
  const { caFile, facet, foreign } = await createCertificates(folder);
  tls = {
    FACET_KAFKA_TLS: 'true',
    FACET_KAFKA_CA_FILE: caFile,
    FACET_KAFKA_CERT_FILE: facet.certFile,
    FACET_KAFKA_KEY_FILE: facet.keyFile,
  };
  foreignKeyFile = foreign.keyFile;
  passwordFile = join(folder, 'password');
  await writeFile(passwordFile, 'secret-1');
});

const files = () => ({
  caFile: tls['FACET_KAFKA_CA_FILE'],
  certFile: tls['FACET_KAFKA_CERT_FILE'],
  keyFile: tls['FACET_KAFKA_KEY_FILE'],
});

it('connects in plain text to this machine by default', () => {
  expect(parseKafkaSettings({})).toEqual({ brokers: ['127.0.0.1:9092'], tls: undefined, sasl: undefined });
});

it('reads addresses, the files of TLS, and the credentials of each mechanism', () => {
  const brokers = { FACET_KAFKA_BROKERS: 'a:9092, b:9093' };
  expect(parseKafkaSettings({ ...brokers, ...tls })).toEqual({
    brokers: ['a:9092', 'b:9093'],
    tls: files(),
    sasl: undefined,
  });
  const user = { FACET_KAFKA_USER: 'facet', FACET_KAFKA_PASSWORD_FILE: passwordFile };
  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    const { sasl } = parseKafkaSettings({ ...tls, ...user, FACET_KAFKA_SASL_MECHANISM: mechanism });
    expect(sasl).toEqual({ mechanism, user: 'facet', passwordFile });
  }
  const token = { FACET_KAFKA_SASL_MECHANISM: 'OAUTHBEARER', FACET_KAFKA_TOKEN_FILE: passwordFile };
  expect(parseKafkaSettings({ ...tls, ...token }).sasl).toEqual({ mechanism: 'OAUTHBEARER', tokenFile: passwordFile });
  expect(parseKafkaSettings({ FACET_KAFKA_TLS: 'true' }).tls).toEqual({});
  const scram = { ...user, FACET_KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512' };
  expect(parseKafkaSettings(scram)).toMatchObject({ tls: undefined, sasl: { mechanism: 'SCRAM-SHA-512' } });
});

it.each<readonly [string, () => Record<string, string>, string]>([
  [
    'an address without a port',
    () => ({ FACET_KAFKA_BROKERS: 'a:9092,b' }),
    'FACET_KAFKA_BROKERS has "b", which is not a broker address',
  ],
  ['an unknown mechanism', () => ({ FACET_KAFKA_SASL_MECHANISM: 'GSSAPI' }), 'FACET_KAFKA_SASL_MECHANISM'],
  [
    'a mechanism without a user',
    () => ({ ...tls, FACET_KAFKA_SASL_MECHANISM: 'PLAIN', FACET_KAFKA_PASSWORD_FILE: passwordFile }),
    'FACET_KAFKA_USER is missing, but FACET_KAFKA_SASL_MECHANISM is PLAIN',
  ],
  [
    'a user without a mechanism',
    () => ({ ...tls, FACET_KAFKA_USER: 'facet' }),
    'FACET_KAFKA_USER is set, but FACET_KAFKA_SASL_MECHANISM is not set',
  ],
  [
    'a password for OAUTHBEARER',
    () => ({
      ...tls,
      FACET_KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
      FACET_KAFKA_TOKEN_FILE: passwordFile,
      FACET_KAFKA_PASSWORD_FILE: passwordFile,
    }),
    'FACET_KAFKA_PASSWORD_FILE is set, but FACET_KAFKA_SASL_MECHANISM is OAUTHBEARER',
  ],
  [
    'a password that would be readable on the network',
    () => ({
      FACET_KAFKA_SASL_MECHANISM: 'PLAIN',
      FACET_KAFKA_USER: 'facet',
      FACET_KAFKA_PASSWORD_FILE: passwordFile,
    }),
    'without encryption',
  ],
  [
    'a missing password file',
    () => ({
      ...tls,
      FACET_KAFKA_SASL_MECHANISM: 'PLAIN',
      FACET_KAFKA_USER: 'facet',
      FACET_KAFKA_PASSWORD_FILE: '/nothing/password',
    }),
    'FACET_KAFKA_PASSWORD_FILE names /nothing/password, which cannot be read',
  ],
  [
    'an authority without TLS',
    () => ({ FACET_KAFKA_CA_FILE: files().caFile ?? '' }),
    'FACET_KAFKA_CA_FILE is set, but the connection does not use TLS',
  ],
  [
    'a certificate without a key',
    () => ({ FACET_KAFKA_TLS: 'true', FACET_KAFKA_CERT_FILE: files().certFile ?? '' }),
    'FACET_KAFKA_KEY_FILE is missing, but FACET_KAFKA_CERT_FILE is set',
  ],
  [
    'the key of another certificate',
    () => ({ ...tls, FACET_KAFKA_KEY_FILE: foreignKeyFile }),
    'FACET_KAFKA_CERT_FILE is not the certificate of the key in FACET_KAFKA_KEY_FILE',
  ],
  [
    'an authority that is no certificate',
    () => ({ ...tls, FACET_KAFKA_CA_FILE: passwordFile }),
    'FACET_KAFKA_CA_FILE is not a certificate',
  ],
  [
    'a missing authority',
    () => ({ ...tls, FACET_KAFKA_CA_FILE: '/nothing/ca.pem' }),
    'FACET_KAFKA_CA_FILE names /nothing/ca.pem, which cannot be read',
  ],
])('refuses %s and names the variable', (_, environment, problem) => {
  expect(() => parseKafkaSettings(environment())).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(problem) as string,
      remedy: expect.stringMatching(/./) as string,
    }) as Error,
  );
});
