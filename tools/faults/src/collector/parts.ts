import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  startFacetProcess,
  startKafka,
  startRedis,
  startRedisCluster,
  startSecuredKafka,
  thisMachine,
} from '@facet/local-services';
import type { FacetProcess, LocalHost } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { send } from '../send.ts';
import type { Victim } from '../victim.ts';

/** The parts of a collector. */
export type Parts = Awaited<ReturnType<typeof startParts>>;

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
  /** More variables of the apps. */
  readonly env?: Readonly<Record<string, string>>;
  /** Hosts of the brokers, the six nodes of a Redis Cluster and the apps. By default, all run on this machine, with one Redis. */
  readonly hosts?: readonly LocalHost[];
}

/** Starts three brokers, Redis, two ingest processes with separate spools, and the sinks. */
export async function startParts(options: PartsOptions) {
  const { home, configFile, spoolFolders, sinks = 1, hasTls = false, env: more, hosts } = options;
  const key = createApiKey();
  await addApiKey(join(home, 'keys.yaml'), { name: 'faults', scopes: ['ingest', 'admin'], sha256: hashApiKey(key) });
  const [kafka, redis] = await Promise.all([startBrokers(hasTls, hosts), startProfileRedis(hosts)]);
  const apps: FacetProcess[] = [];
  const startCollector = async (name: string, index: number, env: Readonly<Record<string, string>>) => {
    const app = await startFacetProcess({
      app: 'collector',
      name,
      args: [name.split(' ')[0]!],
      host: hosts?.[index % hosts.length] ?? thisMachine,
      env: {
        ...more,
        FACET_HOME: home,
        ...(configFile === undefined ? {} : { FACET_CONFIG: configFile }),
        ...kafka.variables,
        FACET_REDIS_URL: redis.url,
        FACET_REPLICATION_FACTOR: '3',
        FACET_LOG_LEVEL: 'warn',
        ...env,
      },
      // Ingest is not ready while its disk is full and all brokers are away. The sink is not ready without Redis or a broker.
      probe: '/healthz',
      readySeconds: 120,
    });
    apps.push(app);
  };
  // The first process creates the topics.
  for (const [index, folder] of spoolFolders.entries()) {
    await startCollector(`ingest ${index + 1}`, index, { FACET_SPOOL: folder });
  }
  for (let index = 0; index < sinks; index++) {
    await startCollector(sinks === 1 ? 'sink' : `sink ${index + 1}`, 2 + index, { FACET_SINK_COMMIT_SECONDS: '3' });
  }
  const urls = apps.map(({ url }) => url);
  const victims: readonly Victim[] = [...kafka.victims, ...redis.victims, ...apps];
  return {
    redisUrl: redis.url,
    key,
    lakeFolder: join(home, 'lake'),
    catalogFolder: join(home, 'catalog'),
    ingestUrls: urls.slice(0, 2),
    sinkUrls: urls.slice(2),
    apps,
    /** Brokers 1 to 3, the nodes of Redis, both ingest processes and the sinks. */
    victims,
  };
}

/** Starts three brokers, and returns the variables with which apps reach them. */
async function startBrokers(hasTls: boolean, hosts: readonly LocalHost[] | undefined) {
  const { brokers, nodes, secured } = hasTls
    ? await startSecuredKafka({ brokers: 3 })
    : { secured: undefined, ...(await startKafka({ brokers: 3, ...(hosts === undefined ? {} : { hosts }) })) };
  const variables: Readonly<Record<string, string>> =
    secured === undefined
      ? { FACET_KAFKA_BROKERS: brokers.join(',') }
      : {
          FACET_KAFKA_BROKERS: secured.mutual,
          FACET_KAFKA_TLS: 'true',
          FACET_KAFKA_CA_FILE: secured.certificates.caFile,
          FACET_KAFKA_CERT_FILE: secured.certificates.facet.certFile,
          FACET_KAFKA_KEY_FILE: secured.certificates.facet.keyFile,
        };
  return { variables, victims: nodes };
}

/** Starts one Redis, or on several hosts a Redis Cluster. */
async function startProfileRedis(
  hosts: readonly LocalHost[] | undefined,
): Promise<{ readonly url: string; readonly victims: readonly Victim[] }> {
  if (hosts === undefined) {
    const redis = await startRedis({ persistent: true });
    return { url: redis.url, victims: [redis] };
  }
  const { addresses, nodes } = await startRedisCluster({ persistent: true, hosts });
  return {
    url: `redis+cluster://${addresses}`,
    victims: nodes.map((node, position) => Object.assign(node, { name: `redis ${position + 1}` })),
  };
}

const settleSeconds = 180;
const pollMs = 500;
/** After a rebalance, a sink learns the lag of a new partition with a delay. */
const stableMs = 5_000;

/** Waits until the spools are empty and the sinks have stored everything. */
export async function settle({ ingestUrls, sinkUrls, key }: Parts): Promise<void> {
  const until = Date.now() + settleSeconds * 1_000;
  /** Returns the status of each process. One that has just started may respond with an error. */
  const readAll = async <Status>(urls: readonly string[]): Promise<(Status | undefined)[]> => {
    const responses = await Promise.all(urls.map((url) => send(`${url}/v1/status`, { method: 'GET', key })));
    return responses.map((response) => (response?.status === 200 ? (JSON.parse(response.text) as Status) : undefined));
  };
  for (let stableSince = Date.now(); Date.now() - stableSince < stableMs; await sleep(pollMs)) {
    const ingests = await readAll<IngestStatus>(ingestUrls);
    const sinks = await readAll<SinkStatus>(sinkUrls);
    if (ingests.every((status) => status?.spool.records === 0) && sinks.every(isCaughtUp)) continue;
    stableSince = Date.now();
    if (Date.now() > until) throw new Error(`the collector did not drain: ${JSON.stringify([ingests, sinks])}`);
  }
}

interface IngestStatus {
  readonly spool: { readonly records: number };
}

interface SinkStatus {
  readonly group: { readonly lag: number };
  readonly partitions: readonly { readonly lag: number }[];
}

function isCaughtUp(status: SinkStatus | undefined): boolean {
  if (status === undefined || status.partitions.length === 0) return false;
  return [status.group, ...status.partitions].every(({ lag }) => lag === 0);
}
