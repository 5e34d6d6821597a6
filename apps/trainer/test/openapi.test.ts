import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { findFaultyExamples } from '@facet/testing';
import { expect, it } from 'vitest';
import { describeApi } from '../src/openapi/describe-api.ts';

it('matches the document of the client: `npm run openapi` writes it', async () => {
  const committed = fileURLToPath(import.meta.resolve('@facet/client/openapi/trainer.json'));
  expect(JSON.parse(await readFile(committed, 'utf8'))).toEqual(await describeApi());
});

it('has only examples that its schemas allow', async () => {
  expect(findFaultyExamples(await describeApi())).toEqual([]);
});

it('lists the errors of a route', async () => {
  const { paths } = (await describeApi()) as {
    paths: Record<string, Record<string, { responses: Record<string, { description: string }> }>>;
  };
  const { responses } = paths['/v1/lineage/{id}']!['get']!;
  expect(Object.keys(responses)).toEqual(['200', '404', '409', '503', '4XX', '5XX']);
  expect(responses['404']).toMatchObject({
    description: 'ARTIFACT_NOT_FOUND, or an error that every route can return.',
  });
  expect(responses['503']).toMatchObject({ description: expect.stringContaining('S3_UNREACHABLE') as string });
  expect(Object.keys(paths['/v1/experiments']!['get']!.responses)).toEqual(['200', '4XX', '5XX']);
});
