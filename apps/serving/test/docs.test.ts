import { forFile } from '@facet/testing';
import { expect, it } from 'vitest';
import { createTestApp } from './fixtures.ts';

const server = forFile(await createTestApp(undefined));

interface Operation {
  operationId: string;
  security?: unknown[];
  responses: Record<string, { description: string }>;
}

it('describes every route in OpenAPI 3.1, with the enforced schemas', async () => {
  const document = (await server.app.inject('/docs/json')).json() as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, { properties: Record<string, unknown> }> };
  };
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths).sort()).toEqual([
    '/healthz',
    '/metrics',
    '/readyz',
    '/v1/arms',
    '/v1/bundles',
    '/v1/bundles/{bundleId}',
    '/v1/bundles/{bundleId}/gate',
    '/v1/bundles/{bundleId}/promote',
    '/v1/catalog',
    '/v1/comparisons',
    '/v1/interests',
    '/v1/item-map',
    '/v1/item-map/columns',
    '/v1/item-map/items',
    '/v1/items',
    '/v1/items/{itemId}/similar',
    '/v1/promotions',
    '/v1/rank',
    '/v1/recommendations',
    '/v1/recommendations:batch',
    '/v1/recommendations:preview',
    '/v1/refs',
    '/v1/refs/rollback',
    '/v1/trends',
    '/v1/users',
    '/v1/users/{userId}',
    '/v1/users:examples',
  ]);
  const { RecommendationsRequest, RecommendationsResponse, Problem } = document.components.schemas;
  expect(Object.keys(RecommendationsRequest!.properties).sort()).toEqual([
    'behaviors',
    'context',
    'cursor',
    'exclude',
    'excludeSeen',
    'explain',
    'explore',
    'filter',
    'filters',
    'ignore',
    'include',
    'interestCount',
    'limit',
    'merge',
    'pageSize',
    'profile',
    'record',
    'strict',
    'timings',
    'userId',
  ]);
  expect(Object.keys(RecommendationsResponse!.properties)).toContain('recommendationId');
  expect(Object.keys(Problem!.properties)).toContain('remedy');
  const open = Object.entries(document.paths).filter(([, operations]) => operations['get']?.security?.length === 0);
  expect(open.map(([path]) => path).sort()).toEqual(['/healthz', '/readyz']);
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  for (const { operationId, responses } of operations) {
    expect(operationId).toMatch(/^\w+$/);
    for (const { description } of Object.values(responses)) expect(description).not.toBe('Default Response');
  }
});

it('shows it on a page that loads nothing from other servers', async () => {
  const page = await server.app.inject('/docs/');
  expect(page.statusCode).toBe(200);
  expect(page.body).toContain('swagger-ui');
  const policy = String(page.headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('http');
  const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
  expect(links.length).toBeGreaterThan(3);
  for (const link of links) {
    const { pathname } = new URL(link, 'http://facet/docs/');
    expect((await server.app.inject(pathname)).statusCode, link).toBe(200);
  }
});
