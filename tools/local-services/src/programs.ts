import { findServices } from '@facet/setup/services';

const titles = {
  kafkaJars: 'Kafka',
  java: 'Java',
  redisServer: 'redis-server',
  chromium: 'Chromium',
  promtool: 'promtool',
} as const;

/**
 * Absolute path of something that setup brings for tests.
 *
 * @throws Error that says how to get it
 */
export function requireService(name: keyof typeof titles): string {
  const found = findServices(process.env)[name];
  if (found !== undefined) return found;
  throw new Error(`${titles[name]} is missing on this machine. Run: node tools/setup/setup.mjs --services`);
}

/** The browser that tests drive. */
export function chromiumPath(): string {
  return requireService('chromium');
}

/** Checks alert rules. */
export function promtoolPath(): string {
  return requireService('promtool');
}
