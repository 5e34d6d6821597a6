import { folderOfFile, forFile } from '@facet/testing';
import { expect, it } from 'vitest';
import { createTestIngest } from './fixtures.ts';

interface Media {
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content: Readonly<Record<string, Media>> }>
  >;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: object };
}

const folder = folderOfFile();
const ingest = forFile(await createTestIngest({ spoolFolder: folder, ingest: { access: { kind: 'anybody' } } }));
const document: Document = (await ingest.app.inject('/docs/json')).json();

it('describes every route in OpenAPI 3.1', () => {
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.components.schemas).sort()).toEqual([
    'AcceptedResponse',
    'ErasureResponse',
    'Event',
    'IngestStatus',
    'Item',
    'Problem',
    'RefusedResponse',
    'User',
  ]);
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => {
      expect(operation.summary, path).not.toBe('');
      expect(operation.tags, path).toHaveLength(1);
      for (const { description } of Object.values(operation.responses)) {
        expect(description).not.toBe('Default Response');
      }
      return `${method.toUpperCase()} ${path} ${operation.operationId}`;
    }),
  );
  expect(described.sort()).toEqual([
    'DELETE /v1/users/{userId} eraseUser',
    'GET /healthz checkAlive',
    'GET /metrics readMetrics',
    'GET /readyz checkReady',
    'GET /v1/status readStatus',
    'POST /v1/events postEvents',
    'PUT /v1/items putItems',
    'PUT /v1/users putUsers',
  ]);
});

const exampleOf = ({ responses }: Operation, status: number): unknown =>
  responses[status]?.content['application/json']?.example;

it.each([
  ['post', '/v1/events', ['application/json', 'application/x-ndjson', 'text/plain']],
  ['put', '/v1/items', ['application/json', 'application/x-ndjson']],
  ['put', '/v1/users', ['application/json', 'application/x-ndjson']],
] as const)('documents valid examples of %s %s', async (method, url, types) => {
  const operation = document.paths[url]![method]!;
  const send = (type: string, body: unknown) =>
    ingest.app.inject({
      method: method === 'post' ? 'POST' : 'PUT',
      url,
      headers: { 'content-type': type },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    });

  const { content } = operation.requestBody!;
  expect(Object.keys(content)).toEqual(types);
  for (const [type, { example, examples }] of Object.entries(content)) {
    const bodies = examples === undefined ? [example] : Object.values(examples).map(({ value }) => value);
    expect(bodies).toHaveLength(type === 'application/json' ? 3 : 1);
    for (const body of bodies) {
      const response = await send(type, body);
      expect(response.statusCode, response.body).toBe(202);
      expect(response.json()).toMatchObject({ duplicates: 0, refused: 0 });
    }
  }
  const batch = content['application/json']!.examples!['batch']!.value as unknown[];
  expect((await send('application/json', [...batch, {}])).json()).toEqual(exampleOf(operation, 202));
  expect((await send('application/json', {})).json()).toEqual(exampleOf(operation, 400));
});

it('documents a valid example of an erasure', async () => {
  const response = await ingest.app.inject({ method: 'DELETE', url: '/v1/users/ada' });
  const example = exampleOf(document.paths['/v1/users/{userId}']!['delete']!, 202) as object;
  expect(response.json()).toEqual({ ...example, erasureId: expect.any(String), requestedAt: expect.any(Number) });
});
