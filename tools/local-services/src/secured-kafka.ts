import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createCertificates } from './certificates.ts';
import type { CertificateFiles, LocalCertificates } from './certificates.ts';
import { startKafka } from './kafka.ts';
import type { LocalKafkaOptions } from './kafka.ts';
import { createScratchFolder, findFreePorts, orStop } from './server-process.ts';

/** The listeners with TLS and the secrets of `startSecuredKafka`. A listener is `host:port` of each broker, separated by commas. */
export type KafkaListeners = Awaited<ReturnType<typeof startSecuredKafka>>['secured'];

const password = 'secret-1';
const users = ['facet', 'guest'] as const;

/**
 * Starts brokers with TLS, SASL and an access control list, in addition to a listener in plain text. Clients in plain text and the user
 * `facet` may do everything; the user `guest` may do what a test grants.
 */
export async function startSecuredKafka({ brokers = 1 }: Pick<LocalKafkaOptions, 'brokers'> = {}) {
  const scratch = await createScratchFolder('certificates');
  return orStop(scratch.remove, async () => {
    const certificates = await createCertificates(scratch.path);
    const free = await findFreePorts(3 * brokers);
    const [mutual, sasl, expired] = [0, 1, 2].map((index) => free.slice(index * brokers, (index + 1) * brokers)) as [
      number[],
      number[],
      number[],
    ];
    const kafka = await startKafka({
      brokers,
      security: {
        listeners: [
          { name: 'MUTUAL', ports: mutual, protocol: 'SSL' },
          { name: 'SASL', ports: sasl, protocol: 'SASL_SSL' },
          { name: 'EXPIRED', ports: expired, protocol: 'SSL' },
        ],
        properties: await securityProperties(certificates),
        scramUsers: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
          users.map((name) => `${mechanism}=[name=${name},password=${password}]`),
        ),
      },
    });
    const at = (ports: readonly number[]): string => ports.map((port) => `127.0.0.1:${port}`).join(',');
    return {
      ...kafka,
      secured: {
        /** The listener for clients with a certificate. Its common name is the user. */
        mutual: at(mutual),
        /** The listener for PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, and OAUTHBEARER with an unsigned token of the user. */
        sasl: at(sasl),
        /** The listener with an expired certificate. */
        expired: at(expired),
        certificates,
        /** The password of `facet` and of `guest`. */
        password,
      },
      async stop() {
        await kafka.stop();
        await scratch.remove();
      },
    };
  });
}

async function securityProperties({ caFile, server, expired }: LocalCertificates): Promise<Record<string, string>> {
  const modules = 'org.apache.kafka.common.security';
  const listener = 'listener.name.sasl';
  const plainUsers = users.map((name) => `user_${name}="${password}"`).join(' ');
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': await joinFiles(server),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': caFile,
    'ssl.principal.mapping.rules': 'RULE:^CN=(.*)$/$1/',
    'listener.name.mutual.ssl.client.auth': 'required',
    'listener.name.expired.ssl.keystore.location': await joinFiles(expired),
    [`${listener}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    [`${listener}.plain.sasl.jaas.config`]: `${modules}.plain.PlainLoginModule required ${plainUsers};`,
    [`${listener}.scram-sha-256.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`${listener}.oauthbearer.sasl.jaas.config`]: `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS;User:facet',
  };
}

/** Kafka reads key and certificate from one file. */
async function joinFiles({ certFile, keyFile }: CertificateFiles): Promise<string> {
  const file = path.format({ ...path.parse(certFile), base: '', ext: '.joined' });
  await writeFile(file, (await readFile(keyFile, 'utf8')) + (await readFile(certFile, 'utf8')));
  return file;
}
