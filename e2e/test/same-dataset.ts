import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startFacetProcess, startKafka, startRedis } from '@facet/local-services';
import type { FacetProcess, LocalKafka, LocalRedis } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey } from '@facet/platform';
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import { fileURLToPath } from 'node:url';
import { facetJson } from './facet.ts';

/** A folder next to the clone. */
export const retail = fileURLToPath(new URL('../../../shared/data/online-retail-2', import.meta.url));

interface Services {
  readonly kafka: LocalKafka;
  readonly redis: LocalRedis;
}

/** Starts Kafka for the tests of a file, and a Redis for each test: profiles belong to one home. */
export function useServices(): () => Services {
  let kafka: LocalKafka;
  let redis: LocalRedis;
  beforeAll(async () => void (kafka = await startKafka()));
  afterAll(() => kafka.stop());
  beforeEach(async () => void (redis = await startRedis()));
  afterEach(() => redis.stop());
  return () => ({ kafka, redis });
}

/** Imports the files into one home, sends them to another, and compares the datasets. */
export async function expectSameDataset(
  services: Services,
  folder: string,
  files: readonly string[],
  events: number,
): Promise<void> {
  await facetJson(folder, ['import', ...files, '--home', 'imported']);
  const collector = await startCollector(services, join(folder, 'collected'));
  try {
    const { url, key } = collector;
    const sent = await facetJson<{ refusals: unknown[]; report: { events: { accepted: number } } }>(
      folder,
      ['backfill', ...files, '--to', url],
      { FACET_API_KEY: key },
    );
    expect(sent).toMatchObject({ refusals: [], report: { events: { accepted: events } } });
    await vi.waitFor(async () => expect(await collector.lag()).toBe(0), { timeout: 120_000, interval: 250 });
  } finally {
    // The sink stores its buffer when it stops.
    expect(await collector.stop(), collector.errorOutput()).toEqual([0, 0]);
  }
  const imported = await readDataset(folder, 'imported');
  const collected = await readDataset(folder, 'collected');
  for (const [name, bytes] of Object.entries(imported)) {
    expect(bytes.equals(collected[name] as Buffer), name).toBe(true);
  }
}

async function readDataset(folder: string, home: string): Promise<Record<string, Buffer>> {
  const { datasetId } = await facetJson<{ datasetId: string }>(folder, ['dataset', '--home', home]);
  const files = ['items.jsonl', 'users.jsonl', 'sequences.safetensors'];
  const read = async (file: string): Promise<[string, Buffer]> => [
    file,
    await readFile(join(folder, home, 'artifacts', 'dataset', datasetId, file)),
  ];
  return Object.fromEntries(await Promise.all(files.map(read)));
}

interface Collector {
  readonly url: string;
  readonly key: string;
  /** Messages not yet stored by the sink. */
  lag(): Promise<number>;
  /** Exit codes of ingest and sink. */
  stop(): Promise<(number | null)[]>;
  /** The last lines that ingest and sink logged. */
  errorOutput(): string;
}

async function startCollector({ kafka, redis }: Services, home: string): Promise<Collector> {
  const key = createApiKey();
  const keysFile = `${home}-keys.yaml`;
  await addApiKey(keysFile, { name: 'shop', scopes: ['ingest', 'admin'], sha256: hashApiKey(key) });
  const topicPrefix = `e2e-${randomUUID().slice(0, 8)}`;
  const start = (name: 'ingest' | 'sink'): Promise<FacetProcess> =>
    startFacetProcess({
      app: 'collector',
      args: [name],
      env: {
        FACET_HOME: home,
        FACET_API_KEYS_FILE: keysFile,
        FACET_KAFKA_BROKERS: kafka.brokers.join(','),
        FACET_TOPIC_PREFIX: topicPrefix,
        FACET_REDIS_URL: redis.url,
        FACET_SINK_COMMIT_SECONDS: '2',
        FACET_LOG_LEVEL: 'warn',
      },
    });
  const ingest = await start('ingest');
  const sink = await start('sink');
  return {
    url: ingest.url,
    key,
    async lag() {
      const response = await fetch(`${sink.url}/v1/status`, { headers: { 'x-api-key': key } });
      const { partitions } = (await response.json()) as { readonly partitions: readonly { readonly lag: number }[] };
      return partitions.reduce((sum, partition) => sum + partition.lag, 0);
    },
    stop: async () => [await ingest.stop(), await sink.stop()],
    errorOutput: () => `${ingest.output}\n${sink.output}`,
  };
}
