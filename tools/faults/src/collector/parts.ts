import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePorts, startFacetProcess, startKafka, startRedis } from '@facet/local-services';
import type { FacetProcess, FacetProcessOptions, LocalKafka, LocalRedis } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';

/** A process that the suite kills. */
export interface Victim {
  readonly name: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface Parts {
  readonly kafka: LocalKafka;
  readonly redis: LocalRedis;
  readonly key: string;
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly ingestUrls: readonly string[];
  readonly sinkUrl: string;
  /** Brokers 1 to 3, Redis, both ingest processes and the sink. */
  readonly victims: readonly Victim[];
  stop(): Promise<void>;
}

/** Starts three brokers, Redis, two ingest processes with separate spools, and a sink. */
export async function startParts(options: {
  readonly folder: string;
  /** The first spool is on a small disk. */
  readonly spoolFolders: readonly [string, string];
}): Promise<Parts> {
  const home = join(options.folder, 'home');
  const key = createApiKey();
  await addApiKey(join(home, 'keys.yaml'), { name: 'faults', scopes: ['ingest', 'admin'], sha256: hashApiKey(key) });
  const [kafka, redis] = await Promise.all([startKafka({ brokers: 3 }), startRedis({ persistent: true })]);
  const shared = {
    FACET_HOME: home,
    FACET_KAFKA_BROKERS: kafka.brokers.join(','),
    FACET_REDIS_URL: redis.url,
    FACET_REPLICATION_FACTOR: '3',
    FACET_LOG_LEVEL: 'warn',
  };
  const ports = await findFreePorts(3);
  const url = (index: number): string => `http://127.0.0.1:${ports[index]}`;
  const ingest = (index: 0 | 1): FacetVictim =>
    new FacetVictim(`ingest ${index + 1}`, {
      args: ['ingest'],
      env: { ...shared, FACET_PORT: String(ports[index]), FACET_SPOOL: options.spoolFolders[index] },
      // Ingest is not ready while its disk is full and all brokers are away.
      readyUrl: `${url(index)}/healthz`,
    });
  const sink = new FacetVictim('sink', {
    args: ['sink'],
    env: { ...shared, FACET_PORT: String(ports[2]), FACET_SINK_COMMIT_SECONDS: '3' },
    // The sink is healthy while it waits for Redis or a broker.
    readyUrl: `${url(2)}/healthz`,
  });
  const apps = [ingest(0), ingest(1), sink];
  // The first process creates the topics.
  for (const app of apps) await app.start();
  return {
    kafka,
    redis,
    key,
    lakeFolder: join(home, 'lake'),
    catalogFolder: join(home, 'catalog'),
    ingestUrls: [url(0), url(1)],
    sinkUrl: url(2),
    victims: [
      ...kafka.nodes.map((node) => ({
        name: `broker ${node.id}`,
        kill: () => node.kill(),
        start: () => node.start(),
      })),
      { name: 'redis', kill: () => redis.kill(), start: () => redis.start() },
      ...apps,
    ],
    async stop() {
      for (const app of apps) await app.stop();
      await Promise.all([kafka.stop(), redis.stop()]);
      await rm(home, { recursive: true, force: true });
    },
  };
}

type Settings = Pick<FacetProcessOptions, 'args' | 'env' | 'readyUrl'>;

/** A collector process that can be killed and started again with the same settings. */
class FacetVictim implements Victim {
  readonly name: string;
  readonly #settings: Settings;
  #process: FacetProcess | undefined;

  constructor(name: string, settings: Settings) {
    this.name = name;
    this.#settings = settings;
  }

  async start(): Promise<void> {
    this.#process = await startFacetProcess({ app: 'collector', ...this.#settings, readySeconds: 90 });
  }

  async kill(): Promise<void> {
    if (this.#process?.running === false) {
      throw new Error(`${this.name} exited unexpectedly:\n${this.#process.errorOutput()}`);
    }
    await this.#process?.kill();
  }

  async stop(): Promise<number | null> {
    return (await this.#process?.stop()) ?? null;
  }
}
