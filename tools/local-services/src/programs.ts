import { findHostPrograms, findServices } from '@facet/setup/services';

const titles = {
  kafkaJars: 'Kafka',
  java: 'Java',
  redisServer: 'redis-server',
  openssl: 'openssl',
  chromium: 'Chromium',
  promtool: 'promtool',
  s3Server: 'versitygw',
  ip: 'ip',
  haproxy: 'HAProxy',
} as const;

/**
 * Returns the absolute path of a program that setup installs for tests.
 *
 * @throws Error that names the setup command.
 */
export function requireService(name: keyof typeof titles): string {
  const hosts = findHostPrograms(process.env);
  const found = { ...findServices(process.env), ...hosts }[name];
  if (found !== undefined) return found;
  const option = name in hosts ? '--hosts' : '--services';
  throw new Error(`${titles[name]} is missing on this machine. Run: node tools/setup/setup.mjs ${option}`);
}
