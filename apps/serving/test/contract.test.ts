import fc from 'fast-check';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import { bundleFiles } from '@facet/bundles';
import { listRoutes } from '@facet/http';
import { dayMs } from '@facet/platform';
import { forTest } from '@facet/testing';
import { describe, expect, it } from 'vitest';
import { readContract, urlOf } from './api-contract.ts';
import type { ReceivedResponse, ApiDocument, Operation } from './api-contract.ts';
import {
  appOfFile,
  createHome,
  createTestApp,
  homeOfFile,
  now,
  patientLimits,
  putBundle,
  servingKey,
  textOfKey,
} from './fixtures.ts';
import type { TestApp } from './fixtures.ts';

const keys = [
  servingKey('all', ['serve', 'admin']),
  servingKey('ingest', ['ingest']),
  { ...servingKey('small', ['serve', 'admin']), bodyBytesMax: 10 },
];
/** The named filters of the request examples. */
const settings = { filters: { affordable: { attributes: { price: { max: 30 } } } } };

const home = await homeOfFile();
const otherBundleId = (await putBundle(home, { seed: 12 })).id;
const server = await appOfFile(home, { access: { kind: 'keys', keys }, settings });
const document = await send(server, { method: 'GET', url: '/docs/json' });
const operations = readContract(JSON.parse(document.body) as ApiDocument);

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: string | object;
}

async function send({ app }: TestApp, { method, url, headers, payload }: Sent): Promise<ReceivedResponse> {
  return app.inject({
    method: method as 'GET',
    url,
    headers: { 'x-api-key': textOfKey('all'), ...headers },
    ...(payload === undefined ? {} : { payload }),
  });
}

/** The example of each parameter, with an existing bundle. */
function exampleUrl(operation: Operation, bundleId = otherBundleId): string {
  const values = Object.fromEntries(operation.parameters.map(({ name, example }) => [name, example]));
  return urlOf(operation, { ...values, bundleId });
}

/** An example request of the document. */
function exampleOf(operation: Operation, payload: unknown = operation.body?.examples[0]): Sent {
  return {
    method: operation.method,
    url: exampleUrl(operation),
    ...(payload === undefined ? {} : { payload: payload as object }),
  };
}

const operationOf = (operationId: string): Operation =>
  operations.find((operation) => operation.operationId === operationId)!;
const takesBody = ({ body }: Operation): boolean => body !== undefined;
const needsKey = ({ isOpen }: Operation): boolean => !isOpen;
const ofBundle = ({ path }: Operation): boolean => path.includes('{bundleId}');

const needDataset: ReadonlySet<string> = new Set(['compareSides', 'runGate']);

/** A route as written in the document. A colon after a word does not start a parameter. */
const documented = (url: string): string => url.replaceAll(/(?<=\/):(\w+)/g, '{$1}');

it('describes all routes of the app except the documentation', () => {
  const routes = listRoutes(server.app)
    .filter(({ method, url }) => method !== 'HEAD' && !/^\/docs(?:\/|$)/.test(url))
    .map(({ method, url }) => `${method} ${documented(url)}`);
  expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(routes.sort());
});

/** Values that a merge may have in each field, valid or not. */
const mergeValues = {
  by: fc.constantFrom('max', 'round-robin', 'quota', 'diverse', 'median'),
  floors: fc.constantFrom([], [1, 2], [1.5], [-1], 'equal'),
  shares: fc.constantFrom([], [0, 0], [0, 1], [-1], 'equal', 'even'),
  lambda: fc.constantFrom(0, 0.3, 1001, '1'),
  attribute: fc.constantFrom('genre', '', 5),
  weights: fc.constant([1]),
};

/** The fields of each kind, and any combination of fields. */
const mergeKinds = [
  fc.record({ by: mergeValues.by }),
  fc.record(
    { by: fc.constant('quota'), floors: mergeValues.floors, shares: mergeValues.shares },
    { requiredKeys: ['by'] },
  ),
  fc.record(
    { by: fc.constant('diverse'), lambda: mergeValues.lambda, attribute: mergeValues.attribute },
    { requiredKeys: ['by'] },
  ),
  fc.record(mergeValues, { requiredKeys: [] }),
];

/** Merges that the server accepts. */
const validMerges = [
  { by: 'max' },
  { by: 'round-robin' },
  { by: 'quota', floors: [1, 2] },
  { by: 'quota', shares: [0, 1] },
  { by: 'quota', shares: 'equal' },
  { by: 'diverse', lambda: 0.3, attribute: 'genre' },
  { by: 'diverse', lambda: 0, attribute: 'genre' },
];

it.each(validMerges)('documents and accepts the merge %j', async (merge) => {
  const payload = { userId: 'ada', limit: 1, merge };
  const { statusCode, body } = await send(server, { method: 'POST', url: '/v1/recommendations', payload });
  expect(statusCode, body).toBe(200);
  expect(operationOf('recommend').componentChecker('Merge')(merge)).toBe(true);
});

it('documents exactly the merges that the server accepts', async () => {
  const merge = operationOf('recommend').componentChecker('Merge');
  await fc.assert(
    fc.asyncProperty(fc.oneof(...mergeKinds), async (value) => {
      const payload = { userId: 'ada', limit: 1, merge: value };
      const { statusCode, body } = await send(server, { method: 'POST', url: '/v1/recommendations', payload });
      expect(statusCode === 200, `${JSON.stringify(value)}: ${body}`).toBe(merge(value));
    }),
    { numRuns: 400 },
  );
});

it('has only valid response examples', () => {
  expect(operations.flatMap((operation) => operation.faultyExamples())).toEqual([]);
});

it('responds to each example request as documented', async () => {
  // The promotion must come before the rollback.
  const order = ['promoteBundle', 'rollBack'];
  const sorted = [...operations].sort((a, b) => order.indexOf(a.operationId) - order.indexOf(b.operationId));
  for (const operation of sorted) {
    const { operationId, body } = operation;
    for (const payload of body?.examples ?? [undefined]) {
      const response = await send(server, exampleOf(operation, payload));
      // The bundles of the fixture have no dataset. Until a thread finds out, the response is its progress.
      const expected = needDataset.has(operationId) ? [200, 409] : [200];
      expect(expected, `${operationId}: ${response.body}`).toContain(response.statusCode);
      expect(operation.faultOf(response), operationId).toBeUndefined();
    }
  }
  const records = await createFolderArtifactStore(home.artifactsFolder).promotions();
  expect(records.slice(-2).map(({ reason }) => reason)).toEqual([
    'Reviewed its recommendations for new users.',
    'Empty pages since noon.',
  ]);
});

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly of: (operation: Operation) => boolean;
  readonly change: (operation: Operation) => Partial<Sent>;
}

const json = { 'content-type': 'application/json' };
const refusals: readonly Refusal[] = [
  { status: 400, code: 'BODY_NOT_JSON', of: takesBody, change: () => ({ headers: json, payload: '{"userId":' }) },
  { status: 400, code: 'BODY_NOT_JSON', of: takesBody, change: () => ({ headers: json, payload: '' }) },
  { status: 400, code: 'REQUEST_INVALID', of: takesBody, change: () => ({ headers: json, payload: '[]' }) },
  { status: 401, code: 'UNAUTHORIZED', of: needsKey, change: () => ({ headers: { 'x-api-key': '' } }) },
  { status: 403, code: 'FORBIDDEN', of: needsKey, change: () => ({ headers: { 'x-api-key': textOfKey('ingest') } }) },
  { status: 404, code: 'ARTIFACT_NOT_FOUND', of: ofBundle, change: (of) => ({ url: exampleUrl(of, 'f'.repeat(32)) }) },
  { status: 400, code: 'REQUEST_INVALID', of: ofBundle, change: (of) => ({ url: exampleUrl(of, '../etc') }) },
  {
    status: 411,
    code: 'LENGTH_REQUIRED',
    of: takesBody,
    change: () => ({ headers: { 'x-api-key': textOfKey('small'), 'transfer-encoding': 'chunked' } }),
  },
  {
    status: 413,
    code: 'BODY_TOO_LARGE',
    of: takesBody,
    change: () => ({ headers: { 'x-api-key': textOfKey('small') } }),
  },
  {
    status: 413,
    code: 'BODY_TOO_LARGE',
    of: takesBody,
    change: () => ({ payload: { reason: 'why not', padding: 'x'.repeat(1 << 20) } }),
  },
  {
    status: 415,
    code: 'BODY_TYPE_UNSUPPORTED',
    of: takesBody,
    change: () => ({ headers: { 'content-type': 'text/plain' }, payload: '{}' }),
  },
];

describe('each refusal matches the document', () => {
  it.each(refusals.map((refusal) => [refusal.status, refusal.code, refusal] as const))(
    '%i %s',
    async (status, code, { of, change }) => {
      const concerned = operations.filter(of);
      expect(concerned.length).toBeGreaterThan(1);
      for (const operation of concerned) {
        const { operationId } = operation;
        const response = await send(server, { ...exampleOf(operation), ...change(operation) });
        expect(response.statusCode, `${operationId}: ${response.body}`).toBe(status);
        expect(JSON.parse(response.body), operationId).toMatchObject({ statusCode: status, code });
        expect(operation.faultOf(response), operationId).toBeUndefined();
      }
    },
  );

  it.each([
    ['recommend', 'a quota of nothing', { merge: { by: 'quota' } }],
    ['recommend', 'the future', { behaviors: [{ itemId: 'film-1', occurredAt: now + 2 * dayMs }] }],
    ['recommend', 'a filter that is not declared', { filters: ['unheard-of'] }],
    ['recommend', 'what is no cursor', { cursor: 'nonsense' }],
    ['recommendBatch', 'too many items in all', { users: Array.from({ length: 200 }, () => ({})), limit: 1000 }],
  ] as const)('400 of %s for a fault beyond the schema: %s', async (operationId, _, payload) => {
    const operation = operationOf(operationId);
    const response = await send(server, { method: 'POST', url: operation.path, payload });
    expect(response.statusCode).toBe(400);
    expect(operation.faultOf(response)).toBeUndefined();
  });

  it('405 for another method, with the allowed methods', async () => {
    // No caller reads the problems of the probes.
    for (const operation of operations.filter(needsKey)) {
      const response = await send(server, { method: 'DELETE', url: exampleUrl(operation) });
      expect(response.statusCode).toBe(405);
      expect(String(response.headers['allow'])).toContain(operation.method);
      expect(operation.faultOf(response)).toBeUndefined();
    }
  });

  it('409 for bundles that cannot be promoted', async () => {
    const own = forTest(await createHome());
    const app = forTest(await createTestApp(own));
    const damaged = await putBundle(own, { seed: 12 });
    await appendFile(join(own.artifactsFolder, 'bundle', damaged.id, bundleFiles.golden), ' ');
    const tries = [
      { operation: operationOf('rollBack'), code: 'ARTIFACT_NO_PREVIOUS' },
      { operation: operationOf('promoteBundle'), code: 'ARTIFACT_CORRUPT' },
    ];
    for (const { operation, code } of tries) {
      const url = exampleUrl(operation, damaged.id);
      const response = await send(app, { method: 'POST', url, payload: { reason: 'to see' } });
      expect(JSON.parse(response.body)).toMatchObject({ statusCode: 409, code });
      expect(operation.faultOf(response)).toBeUndefined();
    }
  });

  it('a batch has a problem instead of the list of a user with invalid fields', async () => {
    const operation = operationOf('recommendBatch');
    const users = [{ userId: 'ada' }, { behaviors: [{ itemId: 'film-1', occurredAt: now + 2 * dayMs }] }];
    const response = await send(server, { method: 'POST', url: operation.path, payload: { users, limit: 2 } });
    expect(JSON.parse(response.body)).toMatchObject({ responses: [{ returned: 2 }, { code: 'REQUEST_INVALID' }] });
    expect(operation.faultOf(response)).toBeUndefined();
  });

  const operationsWithWork = [
    'describeCatalog',
    'describeInterests',
    'describeItemMap',
    'describeUser',
    'findSimilarItems',
    'listExampleUsers',
    'listUsers',
    'lookUpItems',
    'previewRecommendations',
    'rank',
    'readItemMapColumns',
    'recommend',
    'recommendBatch',
    'searchItems',
  ];
  it.each([
    ['NOT_READY', 'without a bundle', false, [...operationsWithWork, 'checkReady', 'compareSides', 'readRefs']],
    ['OVERLOADED', 'with more to do than it can', true, operationsWithWork],
  ] as const)('503 %s with Retry-After %s', async (code, _, hasBundle, concerned) => {
    const limits = { ...patientLimits, ...(hasBundle ? { concurrentMax: 0 } : {}) };
    const app = await createTestApp(hasBundle ? home : undefined, { limits });
    const refusing: string[] = [];
    for (const operation of operations) {
      const { operationId } = operation;
      const response = await send(app, exampleOf(operation));
      expect(operation.faultOf(response), operationId).toBeUndefined();
      if (response.statusCode !== 503) continue;
      expect(JSON.parse(response.body), operationId).toMatchObject({ code });
      expect(Number(response.headers['retry-after']), operationId).toBeGreaterThanOrEqual(1);
      refusing.push(operationId);
    }
    expect(refusing.sort()).toEqual([...concerned].sort());
    await app.close();
  });
});
