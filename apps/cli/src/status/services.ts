import type { HomePaths } from '@facet/config/home-paths';
import type { FacetConfig } from '@facet/config';
import { parseProfileStoreFiles, parseQueueFiles } from '@facet/config/redis-settings';
import { unreachable } from '@facet/kafka';
import { createRunStore } from '@facet/pipeline/runs';
import { openRedisProfileStore } from '@facet/profiles';
import { openRefreshQueue } from '@facet/refresh';
import type { CommandContext } from '../command-context.ts';
import { withKafka } from '../kafka-log.ts';
import { openStore } from '../home.ts';
import { countOf } from '../terminal/text.ts';
import { checkPart, notConfigured } from './part.ts';
import type { Part } from './part.ts';

/** A first connection with TLS takes longer than a request of serving may. */
const redisTimeoutMs = 5_000;
/** Enough for all attempts of the client to connect, whose last error says why. */
const kafkaTimeoutMs = 8_000;

/** Connects to Kafka and to both roles of Redis, as far as the environment names them. */
export async function checkServices(
  home: HomePaths,
  schedule: FacetConfig['refresh'],
  context: Pick<CommandContext, 'environment'>,
): Promise<Part[]> {
  const { kafkaBrokers, redisUrl, queueUrl, queuePrefix, inherited } = context.environment;
  return Promise.all([
    checkPart('kafka', async () => {
      if (kafkaBrokers === undefined) return notConfigured('FACET_KAFKA_BROKERS is not set.');
      const brokers = await withKafka({}, context, async (kafka) =>
        withinKafkaTimeout(async () => (await (await kafka.admin()).describeCluster()).brokers.length),
      );
      return { state: 'healthy', details: `${countOf(brokers, 'broker')} at ${kafkaBrokers}`, facts: { brokers } };
    }),
    checkPart('profiles', async () => {
      if (redisUrl === undefined) return notConfigured('FACET_REDIS_URL is not set.');
      const store = await openRedisProfileStore({
        ...parseProfileStoreFiles(inherited, redisUrl),
        url: redisUrl,
        connectTimeoutMs: redisTimeoutMs,
        readTimeoutMs: redisTimeoutMs,
      });
      try {
        const unsafe = await store.checkSettings();
        return { state: 'healthy', details: ['Redis responds', ...unsafe].join('; '), facts: { unsafe } };
      } finally {
        await store.close();
      }
    }),
    checkPart('queue', async () => {
      if (queueUrl === undefined) return notConfigured('FACET_QUEUE_URL is not set.');
      const deps = { runs: createRunStore(home.runsFolder), store: openStore(home.folder), schedule, now: Date.now };
      const queue = openRefreshQueue(
        { ...deps, attempts: schedule.attempts },
        { redisUrl: queueUrl, redisFiles: parseQueueFiles(inherited, queueUrl), prefix: queuePrefix },
      );
      try {
        const jobs = await queue.counts();
        return { state: 'healthy', details: 'Redis responds', facts: { jobs } };
      } finally {
        await queue.close();
      }
    }),
  ]);
}

/** The client retries longer than a person waits for the status. */
async function withinKafkaTimeout<Result>(call: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no response within ${kafkaTimeoutMs / 1000} s`)), kafkaTimeoutMs);
  });
  try {
    return await Promise.race([call(), timeout]);
  } catch (error) {
    throw unreachable('Kafka does not respond', error);
  } finally {
    clearTimeout(timer);
  }
}
