import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { jsonSchemas } from '../src/index.ts';

const folder = new URL('../schemas/', import.meta.url);

it('publishes the current schemas (to update them, run npm run schemas -w @facet/schemas)', async () => {
  expect((await readdir(folder)).sort()).toEqual(Object.keys(jsonSchemas).sort());
  for (const [name, schema] of Object.entries(jsonSchemas)) {
    const published = JSON.parse(await readFile(new URL(name, folder), 'utf8')) as unknown;
    expect(published).toEqual(JSON.parse(JSON.stringify(schema)));
  }
});
