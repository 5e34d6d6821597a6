import { expect, test } from 'vitest';
import { createApiKey, hashApiKey, isKnownApiKey } from '../src/index.ts';

test('keys are random, recognizable and long', () => {
  const keys = Array.from({ length: 100 }, createApiKey);
  expect(new Set(keys).size).toBe(100);
  for (const key of keys) expect(key).toMatch(/^facet_[\w-]{32}$/);
});

test('a key is known by its hash, at any place in the list', () => {
  const keys = [createApiKey(), createApiKey(), createApiKey()];
  const hashes = keys.map(hashApiKey);
  for (const key of keys) expect(isKnownApiKey(key, hashes)).toBe(true);
  expect(isKnownApiKey(createApiKey(), hashes)).toBe(false);
  expect(isKnownApiKey('', hashes)).toBe(false);
  expect(isKnownApiKey(keys[0]!, [])).toBe(false);
});

test('the hash is SHA-256: it is what other tools make of the key', () => {
  expect(hashApiKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('a hash is no key, and neither a broken nor a shortened nor a longer hash lets anyone in', () => {
  const key = createApiKey();
  const hash = hashApiKey(key);
  expect(isKnownApiKey(hash, [hash])).toBe(false);
  for (const wrong of ['', 'not hex', hash.slice(2), hash.slice(0, -2), `${hash}00`, 'zz'.repeat(32)]) {
    expect(isKnownApiKey(key, [wrong])).toBe(false);
    expect(isKnownApiKey(key, [wrong, hash])).toBe(true);
  }
  expect(isKnownApiKey(key, [hash.toUpperCase()])).toBe(true);
});
