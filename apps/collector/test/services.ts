import { startRedis, startSecuredKafka } from '@facet/local-services';
import type { KafkaListeners } from '@facet/local-services';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    readonly kafkaBrokers: readonly string[];
    /** Where the broker stores its partitions. */
    readonly kafkaDataFolder: string;
    readonly securedKafka: KafkaListeners;
    readonly redisUrl: string;
  }
}

/** Starts one broker and one Redis for all test files. Each file uses separate topics and databases. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [kafka, redis] = await Promise.all([startSecuredKafka(), startRedis()]);
  project.provide('kafkaBrokers', kafka.brokers);
  project.provide('kafkaDataFolder', kafka.nodes[0]!.dataFolder);
  project.provide('securedKafka', kafka.secured);
  project.provide('redisUrl', redis.url);
  return async () => void (await Promise.all([kafka.stop(), redis.stop()]));
}
