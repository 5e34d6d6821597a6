import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { expect, onTestFinished, test, vi } from 'vitest';
import { answerChallenge, createApiKey, findApiKey, hashApiKey, proveApiKey } from '../src/index.ts';
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
  keys.forEach((key, at) => expect(findApiKey(key, entries, 0)).toBe(entries[at]));
  expect(findApiKey(createApiKey(), entries, 0)).toBeUndefined();
  expect(findApiKey('', entries, 0)).toBeUndefined();
  expect(findApiKey(keys[0]!, [], 0)).toBeUndefined();
});

test('compares every stored hash in constant time, wherever one matches', () => {
  const compare = vi.spyOn(crypto, 'timingSafeEqual');
  syncBuiltinESMExports();
  onTestFinished(() => {
    compare.mockRestore();
    syncBuiltinESMExports();
  });
  const keys = Array.from({ length: 4 }, createApiKey);
  const [first, second, third, old] = keys.map(hashApiKey) as [string, string, string, string];
  const previous = [{ sha256: old, acceptedUntil: new Date(1_000).toISOString() }];
  const entries = [entry('first', first), { ...entry('second', second), previous }, entry('third', third)];
  const countOf = (work: () => unknown): number => {
    compare.mockClear();
    work();
    return compare.mock.calls.length;
  };
  for (const key of [...keys, createApiKey()]) {
    expect(countOf(() => findApiKey(key, entries, 0))).toBe(4);
    const proof = proveApiKey(hashApiKey(key), 'caller', 'challenge');
    expect(countOf(() => answerChallenge({ challenge: 'challenge', proof }, entries, 0))).toBe(4);
  }
});

test('finds a rotated key by its old hash until the time that was set', () => {
  const [before, after] = [createApiKey(), createApiKey()];
  const previous = [{ sha256: hashApiKey(before), acceptedUntil: new Date(1_000).toISOString() }];
  const key = { ...entry('web', hashApiKey(after)), previous };
  expect(findApiKey(before, [key], 999)).toBe(key);
  expect(findApiKey(before, [key], 1_000)).toBeUndefined();
  expect(findApiKey(after, [key], 1_000)).toBe(key);
});

test('the hash is SHA-256 as computed by other tools', () => {
  expect(hashApiKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('neither the hash as a key nor a malformed hash gives access', () => {
  const key = createApiKey();
  const hash = hashApiKey(key);
  const right = entry('right', hash);
  expect(findApiKey(hash, [right], 0)).toBeUndefined();
  for (const wrong of ['', 'not hex', hash.slice(2), hash.slice(0, -2), `${hash}00`, 'zz'.repeat(32)]) {
    expect(findApiKey(key, [entry('wrong', wrong)], 0)).toBeUndefined();
    expect(findApiKey(key, [entry('wrong', wrong), right], 0)).toBe(right);
  }
  expect(findApiKey(key, [entry('upper', hash.toUpperCase())], 0)?.name).toBe('upper');
});
