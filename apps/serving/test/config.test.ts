import { isAppError } from '@facet/platform';
import { expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';

const insecure = { FACET_INSECURE: 'true' };

function problemOf(environment: NodeJS.ProcessEnv): { code: string; message: string } {
  try {
    readConfig(environment);
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('the environment was accepted');
}

it('finds the folders in the home', () => {
  expect(readConfig({ ...insecure, FACET_HOME: '/data/shop' })).toMatchObject({
    home: { lakeFolder: '/data/shop/lake', artifactsFolder: '/data/shop/artifacts' },
    redisUrl: undefined,
    redisFiles: {},
    milvus: undefined,
    host: '127.0.0.1',
    port: 8080,
    logLevel: 'info',
  });
  expect(readConfig({ ...insecure, FACET_PORT: '0', FACET_HOST: '::' })).toMatchObject({ port: 0, host: '::' });
});

it('treats an empty variable as absent', () => {
  expect(readConfig({ ...insecure, FACET_PORT: '', FACET_HOST: '', FACET_HOME: '/data' })).toMatchObject({
    port: 8080,
    host: '127.0.0.1',
  });
});

it('reads the URL of Redis', () => {
  const FACET_REDIS_URL = 'rediss://cache:6379/2';
  expect(readConfig({ ...insecure, FACET_REDIS_URL }).redisUrl).toBe(FACET_REDIS_URL);
  expect(problemOf({ ...insecure, FACET_REDIS_URL: 'http://cache' }).message).toContain('FACET_REDIS_URL');
});

it('returns a frozen object', () => {
  expect(Object.isFrozen(readConfig(insecure))).toBe(true);
});

it('reports every wrong variable at once', () => {
  const { code, message } = problemOf({ FACET_PORT: '80800', FACET_INSECURE: 'yes', FACET_LOG_LEVEL: 'loud' });
  expect(code).toBe('CONFIG_INVALID');
  for (const name of ['FACET_PORT', 'FACET_INSECURE', 'FACET_LOG_LEVEL']) expect(message).toContain(name);
});
