import { expect, test } from 'vitest';
import { createApiKey, findApiKey, hashApiKey } from '../src/index.ts';
import type { ApiKey } from '../src/index.ts';

const entry = (name: string, sha256: string): ApiKey => ({ name, scopes: ['serve'], sha256 });

test('keys are random, recognizable and long', () => {
  const keys = Array.from({ length: 100 }, createApiKey);
  expect(new Set(keys).size).toBe(100);
  for (const key of keys) expect(key).toMatch(/^facet_[\w-]{32}$/);
});

test('finds a key by its hash at any position', () => {
  const keys = [createApiKey(), createApiKey(), createApiKey()];
  const entries = keys.map((key, at) => entry(`key-${at}`, hashApiKey(key)));
  keys.forEach((key, at) => expect(findApiKey(key, entries)).toBe(entries[at]));
  expect(findApiKey(createApiKey(), entries)).toBeUndefined();
  expect(findApiKey('', entries)).toBeUndefined();
  expect(findApiKey(keys[0]!, [])).toBeUndefined();
});

test('the hash is SHA-256 as computed by other tools', () => {
  expect(hashApiKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('neither the hash as a key nor a malformed hash gives access', () => {
  const key = createApiKey();
  const hash = hashApiKey(key);
  const right = entry('right', hash);
  expect(findApiKey(hash, [right])).toBeUndefined();
  for (const wrong of ['', 'not hex', hash.slice(2), hash.slice(0, -2), `${hash}00`, 'zz'.repeat(32)]) {
    expect(findApiKey(key, [entry('wrong', wrong)])).toBeUndefined();
    expect(findApiKey(key, [entry('wrong', wrong), right])).toBe(right);
  }
  expect(findApiKey(key, [entry('upper', hash.toUpperCase())])?.name).toBe('upper');
});
