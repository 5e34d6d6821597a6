import { hashApiKey } from '@facet/platform';
import { expect, it } from 'vitest';
import { chooseAccess } from '../src/serving/access.ts';

it('makes a key unless one is given, and shows only one that it made', () => {
  const made = chooseAccess({});
  expect(made.newKey).toMatch(/^facet_/);
  expect(made).toMatchObject({ isInsecure: false, keyHashes: hashApiKey(made.newKey!) });
  expect(chooseAccess({ apiKey: 'k' })).toEqual({ isInsecure: false, keyHashes: hashApiKey('k') });
  expect(chooseAccess({ apiKeyHashes: 'h1,h2' })).toEqual({ isInsecure: false, keyHashes: 'h1,h2' });
  expect(chooseAccess({ insecure: true, apiKeyHashes: 'h1' })).toEqual({ isInsecure: true, keyHashes: '' });
});
