import { startSecuredKafka } from '@facet/local-services';
import type { KafkaListeners } from '@facet/local-services';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    readonly kafkaBrokers: readonly string[];
    /** Where the broker stores its partitions. */
    readonly kafkaDataFolder: string;
    readonly securedKafka: KafkaListeners;
  }
}

/** Starts one broker for all test files. Each file uses separate topics. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kafka = await startSecuredKafka();
  project.provide('kafkaBrokers', kafka.brokers);
  project.provide('kafkaDataFolder', kafka.nodes[0]!.dataFolder);
  project.provide('securedKafka', kafka.secured);
  return () => kafka.stop();
}
