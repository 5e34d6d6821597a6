/** @module-tag full */
import { randomUUID } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@facet/platform';
import { folderOfFile, forTest } from '@facet/testing';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { ClientSecurity } from '../src/connect-kafka.ts';
import { connectKafka, ensureTopics, fetchExtents, openKafkaPublisher, topicNames } from '../src/index.ts';
import type { KafkaConnection } from '../src/index.ts';
import { createTopic, readAll, textOf } from './kafka-fixture.ts';

const brokers = inject('kafkaBrokers');
const { mutual, sasl, expired, certificates, password } = inject('securedKafka');
const { caFile, foreignCaFile } = certificates;
const trusting = { caFile };
/** Brokers learn new permissions after a moment. */
const patiently = { timeout: 60_000 };

interface Files {
  readonly passwordFile: string;
  readonly wrongFile: string;
  readonly tokenFile: string;
}

/** Returns an unsigned token, which this broker accepts. */
function tokenOf(user: string, validSeconds: number): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  return `${encode({ alg: 'none' })}.${encode({ sub: user, iat: now - 7_200, exp: now + validSeconds })}.`;
}

const folder = folderOfFile();
let files: Files;
/** Concurrent tests cannot close their own connections: vitest does not know whose hook it is. */
const connections: KafkaConnection[] = [];

beforeAll(async () => {
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  files = {
    passwordFile: await write('password', `${password}\n`),
    wrongFile: await write('wrong', 'secret-2'),
    tokenFile: await write('token', tokenOf('facet', 3_600)),
  };
});

afterAll(async () => {
  for (const kafka of connections) await kafka.close();
});

function connect(address: string, security: ClientSecurity, clientId = 'test'): KafkaConnection {
  const kafka = connectKafka({ brokers: [address], clientId, ...security });
  connections.push(kafka);
  return kafka;
}

const withPassword = (mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512', passwordFile: string) => ({
  tls: trusting,
  sasl: { mechanism, user: 'facet', passwordFile },
});

describe('a secured broker', () => {
  it.each<readonly [string, string, (files: Files) => ClientSecurity]>([
    ['PLAIN', sasl, ({ passwordFile }) => withPassword('PLAIN', passwordFile)],
    ['SCRAM-SHA-256', sasl, ({ passwordFile }) => withPassword('SCRAM-SHA-256', passwordFile)],
    ['SCRAM-SHA-512', sasl, ({ passwordFile }) => withPassword('SCRAM-SHA-512', passwordFile)],
    ['OAUTHBEARER', sasl, ({ tokenFile }) => ({ tls: trusting, sasl: { mechanism: 'OAUTHBEARER', tokenFile } })],
    ['a client certificate', mutual, () => ({ tls: { caFile, ...certificates.facet } })],
  ])('stores and returns records of a client that uses %s', async (_, address, securityOf) => {
    const { topic } = await createTopic(brokers);
    const kafka = connect(address, securityOf(files));
    const publisher = openKafkaPublisher(kafka);
    await publisher.publish([{ topic, key: 'a', value: 'one', timestamp: Date.now() }]);
    await publisher.close();
    expect((await readAll({ kafka, topic })).flat().map(textOf)).toEqual(['one']);
  });

  const unauthenticated = 'EVENTS_LOG_UNAUTHENTICATED';
  it.concurrent.each<readonly [string, string, (files: Files) => ClientSecurity, string, RegExp, string]>([
    [
      'a certificate of the broker from an unknown authority',
      sasl,
      ({ passwordFile }) => ({ ...withPassword('PLAIN', passwordFile), tls: { caFile: foreignCaFile } }),
      'EVENTS_LOG_UNTRUSTED',
      /certificate of 127\.0\.0\.1:\d+ is from an authority that Facet does not trust/,
      'FACET_KAFKA_CA_FILE',
    ],
    [
      'an expired certificate of the broker',
      expired,
      () => ({ tls: trusting }),
      'EVENTS_LOG_UNTRUSTED',
      /certificate of 127\.0\.0\.1:\d+ has expired/,
      'Renew the certificate',
    ],
    [
      'no client certificate',
      mutual,
      () => ({ tls: trusting }),
      unauthenticated,
      /BAD_CERTIFICATE/,
      'FACET_KAFKA_CERT_FILE',
    ],
    [
      'a client certificate from an unknown authority',
      mutual,
      () => ({ tls: { caFile, ...certificates.foreign } }),
      unauthenticated,
      /refused the certificate of this client/,
      'FACET_KAFKA_CERT_FILE',
    ],
    [
      'an expired client certificate',
      mutual,
      () => ({ tls: { caFile, ...certificates.expired } }),
      unauthenticated,
      /refused the certificate of this client/,
      'FACET_KAFKA_CERT_FILE',
    ],
    [
      'a wrong password',
      sasl,
      ({ wrongFile }) => withPassword('PLAIN', wrongFile),
      unauthenticated,
      /Invalid username or password/,
      'FACET_KAFKA_PASSWORD_FILE',
    ],
    [
      'a wrong password with SCRAM',
      sasl,
      ({ wrongFile }) => withPassword('SCRAM-SHA-512', wrongFile),
      unauthenticated,
      /invalid credentials/,
      'FACET_KAFKA_PASSWORD_FILE',
    ],
    [
      'a wrong token',
      sasl,
      ({ wrongFile }) => ({ tls: trusting, sasl: { mechanism: 'OAUTHBEARER', tokenFile: wrongFile } }),
      unauthenticated,
      /invalid_token/,
      'FACET_KAFKA_TOKEN_FILE',
    ],
    [
      'a listener without SASL',
      mutual,
      ({ passwordFile }) => ({ ...withPassword('PLAIN', passwordFile), tls: { caFile, ...certificates.facet } }),
      unauthenticated,
      /no authentication with SASL/,
      'FACET_KAFKA_SASL_MECHANISM',
    ],
    [
      'a listener with SASL',
      sasl,
      () => ({ tls: trusting }),
      'EVENTS_LOG_UNREACHABLE',
      /./,
      'FACET_KAFKA_SASL_MECHANISM',
    ],
    ['a listener with TLS', sasl, () => ({}), 'EVENTS_LOG_UNREACHABLE', /./, 'FACET_KAFKA_TLS'],
    [
      'a listener without TLS',
      brokers[0] ?? '',
      () => ({ tls: trusting }),
      'EVENTS_LOG_UNREACHABLE',
      /./,
      'FACET_KAFKA_TLS',
    ],
    [
      'a missing password file',
      sasl,
      ({ passwordFile }) => withPassword('PLAIN', `${passwordFile}-missing`),
      'CONNECTION_FILE_UNREADABLE',
      /password-missing cannot be read/,
      'Restore the file',
    ],
    [
      'a missing CA file',
      mutual,
      () => ({ tls: { caFile: '/nothing/ca.pem' } }),
      'EVENTS_LOG_UNREACHABLE',
      /\/nothing\/ca\.pem cannot be read/,
      'Correct the files of FACET_KAFKA_CA_FILE',
    ],
  ])('is an error with a remedy for %s', async (_, address, securityOf, code, message, remedy) => {
    const kafka = connect(address, securityOf(files));
    const error = await ensureTopics(kafka, { names: topicNames() }).catch((thrown: unknown) => thrown as AppError);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code, retryable: true });
    expect((error as AppError).message).toMatch(message);
    expect((error as AppError).remedy).toContain(remedy);
  });

  it.concurrent('accepts a replaced password, token, certificate or authority without a new client', async () => {
    const at = (name: string): string => join(folder, `replaced-${name}`);
    const { wrongFile, passwordFile, tokenFile } = files;
    const tls = { caFile: at('ca.pem'), certFile: at('client.pem'), keyFile: at('client.key') };
    const copy = (from: Record<string, string>): Promise<unknown> =>
      Promise.all(Object.entries(from).map(([to, file]) => copyFile(file, at(to))));

    await copy({ 'ca.pem': foreignCaFile, 'client.pem': certificates.expired.certFile });
    await copy({ 'client.key': certificates.expired.keyFile, password: wrongFile, token: wrongFile });
    const clients = [
      connect(mutual, { tls }),
      connect(sasl, { tls, sasl: { mechanism: 'OAUTHBEARER', tokenFile: at('token') } }),
      connect(sasl, { ...withPassword('PLAIN', at('password')), tls }),
      connect(sasl, { ...withPassword('SCRAM-SHA-512', at('password')), tls }),
    ];
    const codes = (): Promise<unknown[]> =>
      Promise.all(clients.map((kafka) => fetchExtents(kafka, 'none').catch((error: AppError) => error.code)));
    expect(new Set(await codes())).toEqual(new Set(['EVENTS_LOG_UNTRUSTED']));
    await copy({ 'ca.pem': caFile });
    expect(new Set(await codes())).toEqual(new Set([unauthenticated]));
    await copy({ 'client.pem': certificates.facet.certFile, 'client.key': certificates.facet.keyFile });
    await copy({ password: passwordFile, token: tokenFile });
    expect(new Set(await codes())).toEqual(new Set(['EVENTS_TOPIC_UNKNOWN']));
  });
});

describe('the access control list of the brokers', () => {
  const asGuest = (clientId?: string): KafkaConnection =>
    connect(mutual, { tls: { caFile, ...certificates.guest } }, clientId);

  /** Grants the guest operations on all topics, or groups, whose names begin with `prefix`. */
  async function grant(
    resourceType: AclResourceTypes,
    prefix: string,
    operations: readonly AclOperationTypes[],
  ): Promise<void> {
    const kafka = connectKafka({ brokers, clientId: 'grants' });
    const acl = operations.map((operation) => ({
      resourceType,
      resourceName: prefix,
      resourcePatternType: ResourcePatternTypes.PREFIXED,
      principal: 'User:guest',
      host: '*',
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    }));
    await (await kafka.admin()).createAcls({ acl });
    await kafka.close();
  }

  const forbidden = {
    code: 'EVENTS_LOG_FORBIDDEN',
    retryable: true,
    remedy: expect.stringContaining('Grant') as string,
  };
  const record = { key: 'a', value: 'one', timestamp: Date.now() };

  it('is named by the error of a topic that the user may not see, create or write', async () => {
    const { topic } = await createTopic(brokers);
    const kafka = asGuest();
    const publisher = forTest(openKafkaPublisher(kafka));
    await expect(ensureTopics(kafka, { names: topicNames(topic) })).rejects.toMatchObject(forbidden);
    await expect(fetchExtents(kafka, topic)).rejects.toMatchObject(forbidden);
    await expect(publisher.publish([{ topic, ...record }])).rejects.toMatchObject(forbidden);
    await grant(AclResourceTypes.TOPIC, topic, [AclOperationTypes.DESCRIBE]);
    await expect.poll(() => fetchExtents(kafka, topic).catch(() => []), patiently).toHaveLength(1);
    await expect(publisher.publish([{ topic, ...record }])).rejects.toMatchObject(forbidden);
  });

  it('is named by the error of a consumer group that the user may not use', async () => {
    const target = await createTopic(brokers);
    const publisher = openKafkaPublisher(target.kafka);
    await publisher.publish([{ topic: target.topic, ...record }]);
    await publisher.close();
    await grant(AclResourceTypes.TOPIC, target.topic, [AclOperationTypes.READ]);
    const kafka = asGuest(randomUUID());
    await expect.poll(() => fetchExtents(kafka, target.topic).catch(() => []), patiently).toHaveLength(1);
    const reading = readAll({ kafka, topic: target.topic });
    await expect(reading).rejects.toMatchObject({ remedy: expect.stringContaining('READ the group') as string });
  });

  it('needs no other permissions than the documented ones', async () => {
    const prefix = `granted-${randomUUID()}`;
    const { CREATE, DELETE, READ, WRITE } = AclOperationTypes;
    await grant(AclResourceTypes.TOPIC, prefix, [CREATE, READ, WRITE]);
    await grant(AclResourceTypes.GROUP, prefix, [READ, DELETE]);
    const kafka = asGuest(prefix);
    const names = topicNames(prefix);
    await expect.poll(() => ensureTopics(kafka, { names }).catch(() => []), patiently).toHaveLength(6);
    const publisher = openKafkaPublisher(kafka);
    await publisher.publish([{ topic: names.events, ...record }]);
    await publisher.close();
    expect((await readAll({ kafka, topic: names.events })).flat().map(textOf)).toEqual(['one']);
  });
});
