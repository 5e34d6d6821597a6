import { startKafka } from '@facet/local-services';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    readonly kafkaBrokers: readonly string[];
  }
}

/** Starts one broker for all test files. Each file uses separate topics. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kafka = await startKafka();
  project.provide('kafkaBrokers', kafka.brokers);
  return () => kafka.stop();
}
