import type { HomePaths } from '@facet/config/home-paths';
import { FacetConfig } from '@facet/config';
import { readInstallation, refuseOtherInstallation } from '@facet/config/installation';
import type { InstallationKey } from '@facet/config/installation';
import { parseProfileStoreFiles, parseQueueFiles } from '@facet/config/redis-settings';
import { parseWith } from '@facet/platform';
import type { CommandContext } from '../command-context.ts';
import { countOf } from '../terminal/text.ts';
import { checkPart, notConfigured } from './part.ts';
import type { Part } from './part.ts';

/** A first connection with TLS takes longer than a request of serving may. */
const redisTimeoutMs = 5_000;
/** No user has this id. */
const probeUserId = 'facet-probe';
/** Enough for all attempts of the client to connect, whose last error says why. */
const kafkaTimeoutMs = 8_000;

/**
 * Connects to Kafka and to both roles of Redis, as far as the environment names them. Loads the clients only then, because that
 * takes longer than all other checks.
 */
export async function checkServices(home: HomePaths, context: Pick<CommandContext, 'environment'>): Promise<Part[]> {
  const { kafkaBrokers, redisUrl, queueUrl, queuePrefix, inherited } = context.environment;
  const refuseOther = async (key: InstallationKey): Promise<void> => {
    const installation = await readInstallation(home);
    if (installation !== undefined) refuseOtherInstallation(installation, key.place, await key.read());
  };
  return Promise.all([
    checkPart('kafka', async () => {
      if (kafkaBrokers === undefined) return notConfigured('FACET_KAFKA_BROKERS is not set.');
      const { withKafka } = await import('../kafka-log.ts');
      const brokers = await withKafka({}, context, async (kafka) =>
        withinKafkaTimeout(async () => (await (await kafka.admin()).describeCluster()).brokers.length),
      );
      return { state: 'healthy', details: `${countOf(brokers, 'broker')} at ${kafkaBrokers}`, facts: { brokers } };
    }),
    checkPart('profiles', async () => {
      if (redisUrl === undefined) return notConfigured('FACET_REDIS_URL is not set.');
      const { openRedisProfileStore } = await import('@facet/profiles');
      const store = await openRedisProfileStore({
        ...parseProfileStoreFiles(inherited, redisUrl),
        url: redisUrl,
        connectTimeoutMs: redisTimeoutMs,
        readTimeoutMs: redisTimeoutMs,
      });
      try {
        await refuseOther(store.installation);
        // The permissions for reading profiles may be missing.
        await store.read(probeUserId);
        const unsafe = await store.checkSettings();
        return { state: 'healthy', details: ['Redis responds', ...unsafe].join('; '), facts: { unsafe } };
      } finally {
        await store.close();
      }
    }),
    checkPart('queue', async () => {
      if (queueUrl === undefined) return notConfigured('FACET_QUEUE_URL is not set.');
      const [{ openRefreshQueue, withQueueInstallation }, { createRunStore }, { openStore }] = await Promise.all([
        import('@facet/refresh'),
        import('@facet/pipeline/runs'),
        import('../home.ts'),
      ]);
      // Counting jobs needs none of these settings.
      const schedule = parseWith(FacetConfig, {}, { source: 'the defaults' }).refresh;
      const deps = { runs: createRunStore(home.runsFolder), store: openStore(home.folder), schedule, now: Date.now };
      const options = { redisUrl: queueUrl, redisFiles: parseQueueFiles(inherited, queueUrl), prefix: queuePrefix };
      await withQueueInstallation(options, refuseOther);
      const queue = openRefreshQueue({ ...deps, attempts: schedule.attempts }, options);
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
    const { unreachable } = await import('@facet/kafka');
    throw unreachable('Kafka does not respond', error);
  } finally {
    clearTimeout(timer);
  }
}
