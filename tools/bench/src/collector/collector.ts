import { join } from 'node:path';
import { askRedis, findFreePorts, startFacetProcess } from '@facet/local-services';
import type { FacetProcess, LocalS3 } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';

/** A collector under measurement, with default settings. */
export interface Collector {
  readonly key: string;
  readonly lakeFolder: string;
  readonly ingestUrl: string;
  readonly sinkUrl: string;
  startIngest(): Promise<FacetProcess>;
  startSink(): Promise<FacetProcess>;
}

export interface CollectorOptions {
  readonly folder: string;
  readonly brokers: readonly string[];
  readonly redisUrl: string;
  readonly topicPrefix: string;
  /** The server of the lake. Default: the lake is in the data home. */
  readonly s3?: LocalS3 | undefined;
}

export async function prepareCollector(options: CollectorOptions): Promise<Collector> {
  const { s3 } = options;
  // A new home refuses the profiles of another one.
  await askRedis(Number(new URL(options.redisUrl).port), 'FLUSHALL');
  const home = join(options.folder, options.topicPrefix);
  const lakeFolder = join(home, 'lake');
  await s3?.writeConfig(lakeFolder, options.topicPrefix);
  const key = createApiKey();
  await addApiKey(join(home, 'keys.yaml'), { name: 'bench', scopes: ['ingest', 'admin'], sha256: hashApiKey(key) });
  const [ingestPort = 0, sinkPort = 0] = await findFreePorts(2);
  const env = {
    FACET_HOME: home,
    FACET_KAFKA_BROKERS: options.brokers.join(','),
    FACET_TOPIC_PREFIX: options.topicPrefix,
    FACET_REDIS_URL: options.redisUrl,
    FACET_LOG_LEVEL: 'warn',
    ...s3?.env,
  };
  return {
    key,
    lakeFolder,
    ingestUrl: `http://127.0.0.1:${ingestPort}`,
    sinkUrl: `http://127.0.0.1:${sinkPort}`,
    startIngest: () => startFacetProcess({ app: 'collector', args: ['ingest'], port: ingestPort, env }),
    startSink: () => startFacetProcess({ app: 'collector', args: ['sink'], port: sinkPort, env, probe: '/healthz' }),
  };
}
