import { join } from 'node:path';
import { findFreePorts, startKafka, startRedis, startSecuredKafka } from '@facet/local-services';
import type { LocalKafka, LocalRedis } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { KillableApp } from '../killable-app.ts';
import type { Victim } from '../killable-app.ts';

export interface Parts {
  readonly redis: LocalRedis;
  readonly key: string;
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly ingestUrls: readonly string[];
  readonly sinkUrls: readonly string[];
  /** Brokers 1 to 3, Redis, both ingest processes and the sinks. */
  readonly victims: readonly Victim[];
  stop(): Promise<void>;
}

export interface PartsOptions {
  readonly home: string;
  /** The configuration file; that of the workspace by default. */
  readonly configFile?: string;
  /** The spools of the ingest processes. */
  readonly spoolFolders: readonly [string, string];
  /** Number of sinks; 1 by default. */
  readonly sinks?: number;
  /** Whether the apps reach the brokers with TLS and a client certificate. */
  readonly hasTls?: boolean;
}

/** Starts three brokers, Redis, two ingest processes with separate spools, and the sinks. */
export async function startParts(options: PartsOptions): Promise<Parts> {
  const { home, configFile, spoolFolders, sinks = 1, hasTls = false } = options;
  const key = createApiKey();
  await addApiKey(join(home, 'keys.yaml'), { name: 'faults', scopes: ['ingest', 'admin'], sha256: hashApiKey(key) });
  const [kafka, redis] = await Promise.all([startBrokers(hasTls), startRedis({ persistent: true })]);
  const shared = {
    FACET_HOME: home,
    ...(configFile === undefined ? {} : { FACET_CONFIG: configFile }),
    ...kafka.variables,
    FACET_REDIS_URL: redis.url,
    FACET_REPLICATION_FACTOR: '3',
    FACET_LOG_LEVEL: 'warn',
  };
  const ports = await findFreePorts(2 + sinks);
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const collector = (name: string, index: number, env: Readonly<Record<string, string>>): KillableApp =>
    new KillableApp(name, {
      app: 'collector',
      args: [name.split(' ')[0]!],
      env: { ...shared, FACET_PORT: String(ports[index]), ...env },
      // Ingest is not ready while its disk is full and all brokers are away. The sink is not ready without Redis or a broker.
      readyUrl: `${urls[index]}/healthz`,
    });
  const apps = [
    ...spoolFolders.map((folder, index) => collector(`ingest ${index + 1}`, index, { FACET_SPOOL: folder })),
    ...Array.from({ length: sinks }, (_, index) =>
      collector(sinks === 1 ? 'sink' : `sink ${index + 1}`, 2 + index, { FACET_SINK_COMMIT_SECONDS: '3' }),
    ),
  ];
  const stop = async (): Promise<void> => {
    for (const app of apps) await app.stop();
    await Promise.all([kafka.stop(), redis.stop()]);
  };
  try {
    // The first process creates the topics.
    for (const app of apps) await app.start();
  } catch (error) {
    await stop();
    throw error;
  }
  const brokers = kafka.nodes.map((node) => ({
    name: `broker ${node.id}`,
    kill: () => node.kill(),
    start: () => node.start(),
  }));
  return {
    redis,
    key,
    lakeFolder: join(home, 'lake'),
    catalogFolder: join(home, 'catalog'),
    ingestUrls: urls.slice(0, 2),
    sinkUrls: urls.slice(2),
    victims: [...brokers, { name: 'redis', kill: () => redis.kill(), start: () => redis.start() }, ...apps],
    stop,
  };
}

/** Starts three brokers, and returns the variables with which apps reach them. */
async function startBrokers(hasTls: boolean): Promise<LocalKafka & { readonly variables: Record<string, string> }> {
  if (!hasTls) {
    const kafka = await startKafka({ brokers: 3 });
    return { ...kafka, variables: { FACET_KAFKA_BROKERS: kafka.brokers.join(',') } };
  }
  const kafka = await startSecuredKafka({ brokers: 3 });
  const { mutual, certificates } = kafka.secured;
  const variables = {
    FACET_KAFKA_BROKERS: mutual,
    FACET_KAFKA_TLS: 'true',
    FACET_KAFKA_CA_FILE: certificates.caFile,
    FACET_KAFKA_CERT_FILE: certificates.facet.certFile,
    FACET_KAFKA_KEY_FILE: certificates.facet.keyFile,
  };
  return { ...kafka, variables };
}
