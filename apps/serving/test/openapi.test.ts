import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { findFaultyExamples } from '@facet/testing';
import { expect, it } from 'vitest';
import { describeApi } from '../src/openapi/describe-api.ts';

/** The document that `@facet/client` is generated from. */
const committed = fileURLToPath(import.meta.resolve('@facet/client/openapi/serving.json'));

interface Media {
  readonly schema: object;
  readonly example?: unknown;
  readonly examples?: object;
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly ({ readonly name: string } & Omit<Media, 'schema'>)[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, Media>> }>
  >;
}

const hasExample = ({ example, examples }: Omit<Media, 'schema'>): boolean => (example ?? examples) !== undefined;

it('matches the document of the client: `npm run openapi` writes it', async () => {
  expect(JSON.parse(await readFile(committed, 'utf8'))).toEqual(await describeApi());
});

it('has descriptions, examples of requests and responses, and named schemas, for every operation', async () => {
  const { paths } = (await describeApi()) as { paths: Record<string, Record<string, Operation>> };
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  expect(operations.length).toBeGreaterThan(10);
  for (const { operationId, parameters = [], requestBody, responses } of operations) {
    expect(operationId).toMatch(/^\w+$/);
    for (const { description } of Object.values(responses)) expect(description).not.toBe('Default Response');
    for (const parameter of parameters) expect(hasExample(parameter), `${operationId} ${parameter.name}`).toBe(true);
    for (const { content = {} } of [...(requestBody === undefined ? [] : [requestBody]), ...Object.values(responses)]) {
      for (const media of Object.values(content)) {
        expect(hasExample(media), `${operationId}: ${JSON.stringify(media)}`).toBe(true);
      }
    }
    const json = [requestBody?.content, responses['200']?.content, responses['4XX']?.content].flatMap(
      (content) => content?.['application/json']?.schema ?? [],
    );
    // Only the probes have no named schemas.
    if (!operationId.startsWith('check')) for (const schema of json) expect(Object.keys(schema)).toEqual(['$ref']);
  }
});

it('has only examples that its schemas allow', async () => {
  expect(findFaultyExamples(await describeApi())).toEqual([]);
});
