import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { listRoutes } from '../src/index.ts';
import type { Docs } from '../src/index.ts';
import { createAppOfFile, createTestApp, keyOf, textOf } from './fixtures.ts';

const docs: Docs = { title: 'Kitchen', description: 'Takes orders.', scope: 'admin', tags: ['orders'] };
const keys = [keyOf('cook', ['admin']), keyOf('guest', ['serve'])];
const DishSchema = Type.Object({ name: Type.String() }, { $id: 'urn:test:dish', title: 'Dish' });

const server = await createAppOfFile({
  docs,
  access: { kind: 'keys', keys },
  addRoutes(app) {
    app.addSchema(DishSchema);
    const schema = { operationId: 'putDish', tags: ['orders'], body: Type.Ref('urn:test:dish#') };
    app.put('/v1/dishes', { config: { scope: 'admin' }, validatorCompiler: () => () => true, schema }, async () => '');
  },
});

const basic = (password: string): string => `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`;
const get = (url: string, password = textOf('cook')) =>
  server.app.inject({ url, headers: { authorization: basic(password) } });

it('describes the routes in OpenAPI 3.1', async () => {
  const document = (await get('/docs/json')).json() as {
    openapi: string;
    info: object;
    tags: object[];
    paths: Record<string, Record<string, object>>;
    components: { schemas: Record<string, object> };
  };
  expect(document.openapi).toBe('3.1.0');
  expect(document.info).toMatchObject({ title: 'Kitchen', description: 'Takes orders.' });
  expect(document.tags).toEqual([{ name: 'orders' }, { name: 'operations' }]);
  expect(Object.keys(document.paths).sort()).toEqual(
    ['/healthz', '/metrics', '/page', '/readyz', '/v1/dishes', '/v1/orders'].sort(),
  );
  expect(document.paths['/v1/dishes']).toMatchObject({
    put: { requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Dish' } } } } },
  });
  expect(document.components.schemas).toMatchObject({ Dish: { properties: { name: { type: 'string' } } } });
  expect((await get('/docs/yaml')).body).toContain('openapi: 3.1.0');
});

it('makes each titled schema one component, and leaves examples unchanged', async () => {
  const example = { title: 'Alien' };
  const Film = Type.Object({ title: Type.String() }, { title: 'Film' });
  const films = Type.Object(
    { films: Type.Array(Film), byName: Type.Record(Type.String(), Film) },
    { title: 'Films', examples: [{ films: [example] }] },
  );
  const { app } = await createTestApp({
    docs,
    addRoutes(added) {
      const schema = { tags: ['orders'], body: Film, response: { 200: films } };
      added.post('/v1/films', { config: { scope: 'admin' }, schema }, async () => ({ films: [], byName: {} }));
    },
  });
  const { paths, components } = (await app.inject('/docs/json')).json();
  const film = { $ref: '#/components/schemas/Film' };
  expect(paths['/v1/films'].post.requestBody.content['application/json'].schema).toEqual(film);
  expect(paths['/v1/films'].post.responses['200'].content['application/json']).toEqual({
    schema: { $ref: '#/components/schemas/Films' },
    example: { films: [example] },
  });
  expect(components.schemas.Films.properties).toEqual({
    films: { type: 'array', items: film },
    byName: { type: 'object', additionalProperties: film },
  });
  expect(components.schemas.Film.properties).toEqual({ title: { type: 'string' } });
});

it('shows them on a page that loads nothing from other servers', async () => {
  const page = await get('/docs/');
  expect(page.statusCode).toBe(200);
  expect(page.body).toContain('<title>Kitchen</title>');
  const policy = String(page.headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('http');
  const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
  expect(links.length).toBeGreaterThan(3);
  for (const link of links) {
    expect((await get(new URL(link, 'http://facet/docs/').pathname)).statusCode, link).toBe(200);
  }
});

it('requires a key with its scope on every documentation route, as a password or in a header', async () => {
  const urls = listRoutes(server.app).flatMap(({ url }) => (url.startsWith('/docs') ? [url] : []));
  expect(urls).toContain('/docs/json');
  for (const pattern of urls) {
    const url = pattern.replace('*', 'swagger-ui.css');
    const refused = await server.app.inject(url);
    expect(refused.statusCode, url).toBe(401);
    expect(refused.headers['www-authenticate'], url).toMatch(/^Basic realm="/);
    expect((await get(url, 'wrong')).statusCode, url).toBe(401);
    expect((await get(url, textOf('guest'))).statusCode, url).toBe(403);
  }
  expect((await server.app.inject({ url: '/docs/json', headers: { 'x-api-key': textOf('cook') } })).statusCode).toBe(
    200,
  );
  expect((await server.app.inject(`/docs/json?key=${textOf('cook')}`)).statusCode).toBe(401);
});

it('is off by default', async () => {
  const { app } = await createTestApp();
  expect((await app.inject('/docs')).statusCode).toBe(404);
});
