import { isAppError } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { keyHash } from './fixtures.ts';

const insecure = { FACET_INSECURE: 'true' };

function problemOf(environment: NodeJS.ProcessEnv): { code: string; message: string; remedy: string | undefined } {
  try {
    readConfig(environment);
  } catch (error) {
    if (isAppError(error)) return { code: error.code, message: error.message, remedy: error.remedy };
    throw error;
  }
  throw new Error('the environment was accepted');
}

it('finds the folders below the home, each movable', () => {
  expect(readConfig({ ...insecure, FACET_HOME: '/data/shop' })).toMatchObject({
    lakeFolder: '/data/shop/lake',
    catalogFolder: '/data/shop/catalog',
    artifactsFolder: '/data/shop/artifacts',
    host: '127.0.0.1',
    port: 8080,
    logLevel: 'info',
  });
  expect(
    readConfig({ ...insecure, FACET_HOME: '/data/shop', FACET_LAKE: '/lake', FACET_PORT: '0', FACET_HOST: '::' }),
  ).toMatchObject({
    lakeFolder: '/lake',
    catalogFolder: '/data/shop/catalog',
    port: 0,
    host: '::',
  });
});

it('takes a variable that is set to nothing as absent', () => {
  expect(readConfig({ ...insecure, FACET_PORT: '', FACET_LAKE: '', FACET_HOME: '/data' })).toMatchObject({
    port: 8080,
    lakeFolder: '/data/lake',
  });
});

it('cannot be changed', () => {
  expect(Object.isFrozen(readConfig(insecure))).toBe(true);
});

describe('access', () => {
  it('is by the hashes of keys, or by the word that none are wanted', () => {
    const other = 'AB'.repeat(32);
    expect(readConfig({ FACET_API_KEY_HASHES: ` ${keyHash} ,${other},` }).access).toEqual({
      kind: 'keys',
      keyHashes: [keyHash, other],
    });
    expect(readConfig(insecure).access).toEqual({ kind: 'anybody' });
  });

  it.each([{}, { FACET_INSECURE: 'false' }, { FACET_API_KEY_HASHES: ' , ' }])(
    'is refused to be left open: %j',
    (environment) => {
      const { code, remedy } = problemOf(environment);
      expect(code).toBe('SERVING_KEYS_MISSING');
      expect(remedy).toContain('FACET_API_KEY_HASHES');
    },
  );

  it('is refused to be both', () => {
    expect(problemOf({ ...insecure, FACET_API_KEY_HASHES: keyHash }).code).toBe('CONFIG_INVALID');
  });

  it('never prints a key that was given for a hash', () => {
    const { code, message, remedy } = problemOf({ FACET_API_KEY_HASHES: `${keyHash},facet_secret` });
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain('Entry 2');
    expect(message + remedy).not.toContain('facet_secret');
  });
});

it('names every wrong variable at once', () => {
  const { code, message } = problemOf({ FACET_PORT: '80800', FACET_INSECURE: 'yes', FACET_LOG_LEVEL: 'loud' });
  expect(code).toBe('CONFIG_INVALID');
  for (const name of ['FACET_PORT', 'FACET_INSECURE', 'FACET_LOG_LEVEL']) expect(message).toContain(name);
});
