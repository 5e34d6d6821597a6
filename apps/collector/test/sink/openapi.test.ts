import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { findFaultyExamples } from '@facet/testing';
import { expect, it } from 'vitest';
import { describeApi } from '../../src/openapi/describe-api.ts';

it('matches the document of the client: `npm run openapi` writes it', async () => {
  const committed = fileURLToPath(import.meta.resolve('@facet/client/openapi/sink.json'));
  expect(JSON.parse(await readFile(committed, 'utf8'))).toEqual(await describeApi());
});

it('has only examples that its schemas allow', async () => {
  expect(findFaultyExamples(await describeApi())).toEqual([]);
});
