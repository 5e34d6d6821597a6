import { readFile } from 'node:fs/promises';
import { Compile } from 'typebox/schema';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeConfig, FacetConfig } from '../src/index.ts';

const schema = Compile(describeConfig());

it('the published schema is up to date (npm run config-schema)', async () => {
  const published = await readFile(new URL('../../../docs/facet.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(published)).toEqual(describeConfig());
});

it('the schema accepts an empty file, and all settings that facet.yaml shows', async () => {
  const example = await readFile(new URL('../../../facet.yaml', import.meta.url), 'utf8');
  const lines = example.split('\n').filter((line) => /^#( {2})?\w/.test(line));
  const settings = parse(lines.map((line) => line.slice(1)).join('\n')) as object;
  expect(Object.keys(settings).length).toBeGreaterThan(15);
  expect(schema.Errors(settings)).toEqual([true, []]);
  expect(schema.Check({})).toBe(true);
});

it.each([
  [true, { model: { variant: 'mind', interests: 3, extractor: { iterations: 2 } }, training: { warm: { epochs: 1 } } }],
  [false, { model: { variant: 'mnd' } }],
  [false, { model: { intrests: 3 } }],
  [false, { model: { extractor: { iteration: 2 } } }],
  [false, { training: { warm: { epoch: 1 } } }],
  [false, { spilt: {} }],
  [true, { experiments: [{ name: 'e', arms: { a: {}, b: { merge: { by: 'round-robin' } } } }] }],
  [false, { experiments: [{ arms: {} }] }],
  [false, { experiments: [{ name: 'e', arms: { a: { merge: {} } } }] }],
  [true, { gate: { strictness: 'strict', ignore: ['latency'], usersMin: 3 } }],
  [false, { gate: { lossMax: true } }],
  [true, { dataset: { spark: { master: 'yarn', home: '/opt/spark', settings: { 'spark.executor.cores': 4 } } } }],
  [false, { dataset: { spark: { home: '/opt/spark' } } }],
  [false, { dataset: { spark: { master: 'yarn', setting: {} } } }],
  [false, { dataset: { spark: { master: 'yarn', settings: { 'executor.cores': '4' } } } }],
  [false, { dataset: { spark: { master: 'yarn', home: 'spark' } } }],
])('the schema returns %s for %j', (isValid, value) => {
  expect(schema.Check(value)).toBe(isValid);
});

it('the schema describes every section and every setting', () => {
  interface Node {
    readonly description?: string;
    readonly properties?: Record<string, Node>;
  }
  const withoutDescription = (node: Node, at: string): string[] =>
    Object.entries(node.properties ?? {}).flatMap(([name, child]) => [
      ...(child.description === undefined ? [`${at}${name}`] : []),
      ...withoutDescription(child, `${at}${name}.`),
    ]);
  expect(withoutDescription(describeConfig(), '')).toEqual([]);
  expect(Object.keys((describeConfig() as Node).properties!)).toEqual(Object.keys(FacetConfig.properties));
});
