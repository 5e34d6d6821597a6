import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { JsonSchema, Operation, Parameter } from '../api-contract.ts';
import { damagedCursors, damagedTexts, damagedValues } from './damage.ts';
import { oddTexts, valuesOf } from './values.ts';
import type { ValueOptions } from './values.ts';

/** One request. */
export interface FuzzCase {
  /** The id of the intended operation, or another label. */
  readonly target: string;
  /** Undefined if the document does not describe the response. */
  readonly operation: Operation | undefined;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
  /** Sent over a real connection: as HTTP, or damaged. */
  readonly wire: 'none' | 'sound' | 'broken';
}

export interface CaseOptions {
  readonly operations: readonly Operation[];
  readonly schemas: Readonly<Record<string, JsonSchema>>;
  readonly known: ValueOptions['known'];
  /** Cursors from the server. */
  readonly cursors: readonly string[];
  /** The header with all scopes, and other headers. */
  readonly key: string;
  readonly otherKeys: readonly string[];
}

/** The percentage of cases over a real connection. */
const sockets = { sound: 6, broken: 2 };

/** Operations that change the current bundle. They write files, so they are rarer. */
const rarer: Readonly<Record<string, number>> = {
  promoteBundle: 3,
  rollBack: 2,
  readMetrics: 4,
  checkAlive: 4,
  checkReady: 4,
};
const weightDefault = 10;
/** Weights by the amount of code behind an operation. */
const heavier: Readonly<Record<string, number>> = {
  recommend: 40,
  recommendBatch: 15,
  findSimilarItems: 15,
  describeInterests: 15,
};

export function fuzzCases(options: CaseOptions): fc.Arbitrary<FuzzCase> {
  const bodies = bodiesOf(options);
  return fc.oneof(
    ...options.operations.map((operation) => ({
      weight: heavier[operation.operationId] ?? rarer[operation.operationId] ?? weightDefault,
      arbitrary: casesOf(operation, bodies(operation), options),
    })),
    { weight: 3, arbitrary: casesOfDocs(options) },
    { weight: 4, arbitrary: casesOfNoRoute(options) },
  );
}

type Bodies = fc.Arbitrary<string | Buffer | undefined>;

function bodiesOf({ schemas, known, cursors }: CaseOptions): (operation: Operation) => Bodies {
  const allCursors = [...damagedCursors(cursors), gzipSync(Buffer.alloc(5 << 20)).toString('base64url'), ...oddTexts];
  return ({ body }) => {
    if (body === undefined) return fc.constantFrom(undefined, undefined, undefined, '', '{}', 'x');
    const ofKind = (isLoose: boolean): fc.Arbitrary<unknown> =>
      valuesOf(body.schema, { schemas, known: { ...known, cursor: allCursors }, isLoose });
    const whole = ofKind(false).map((value) => JSON.stringify(value));
    const loose = ofKind(true).map((value) => JSON.stringify(value));
    const changed = damagedValues(ofKind(false)).map((value) => JSON.stringify(value) ?? '');
    const ofCursors = fc
      .tuple(madeUpCursors(cursors), fc.option(fc.integer({ min: 1, max: 1_001 }), { nil: undefined }))
      .map(([cursor, pageSize]) => JSON.stringify({ cursor, pageSize }));
    const takesCursors =
      JSON.stringify(schemas['RecommendationsRequest']) === JSON.stringify(resolve(body.schema, schemas));
    return fc.oneof(
      { weight: 44, arbitrary: whole },
      { weight: 12, arbitrary: loose },
      { weight: 26, arbitrary: changed },
      { weight: 12, arbitrary: damagedTexts(whole) },
      { weight: takesCursors ? 5 : 0, arbitrary: ofCursors },
      { weight: 1, arbitrary: fc.constant(undefined) },
    );
  };
}

const resolve = (schema: JsonSchema, schemas: CaseOptions['schemas']): JsonSchema => {
  const ref = schema['$ref'];
  return typeof ref === 'string' ? schemas[ref.slice(ref.lastIndexOf('/') + 1)]! : schema;
};

/** Valid gzip with invalid content. */
function madeUpCursors(cursors: readonly string[]): fc.Arbitrary<string> {
  const sequences = cursors.map(
    (cursor) => JSON.parse(gunzipSync(Buffer.from(cursor, 'base64url')).toString()) as unknown,
  );
  return damagedValues(fc.constantFrom(...sequences)).map((sequence) =>
    gzipSync(JSON.stringify(sequence) ?? '', { level: 1 }).toString('base64url'),
  );
}

function casesOf(operation: Operation, bodies: Bodies, options: CaseOptions): fc.Arbitrary<FuzzCase> {
  const { operationId, method } = operation;
  return fc
    .record({ url: urls(operation, options), body: bodies, headers: headers(options), wire: wires })
    .map(({ url: { url, isOther }, body, headers: sent, wire }) => ({
      ...{ target: operationId, operation: isOther ? undefined : operation, method, url, wire },
      // A request without a body has no content type.
      headers: body === undefined ? withoutType(sent) : sent,
      body,
    }));
}

const withoutType = (sent: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(sent).filter(([name]) => name !== 'content-type'));

const wires = fc.oneof(
  { weight: 100 - sockets.sound - sockets.broken, arbitrary: fc.constant('none' as const) },
  { weight: sockets.sound, arbitrary: fc.constant('sound' as const) },
  { weight: sockets.broken, arbitrary: fc.constant('broken' as const) },
);

/** Percent-encoded UTF-8, also of invalid text. */
const encode = (text: unknown): string =>
  [...Buffer.from(String(text))].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

const junk = fc.oneof(fc.constantFrom(...oddTexts), fc.string({ unit: 'binary', maxLength: 20 }));

/** The path of an operation, or a similar path. */
function urls(
  { path, parameters }: Operation,
  { schemas, known }: CaseOptions,
): fc.Arbitrary<{ readonly url: string; readonly isOther: boolean }> {
  const valueOf = ({ name, schema }: Parameter): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 8, arbitrary: valuesOf(schema, { schemas, known }, name) }, { weight: 2, arbitrary: junk });
  const inPath = parameters.filter((one) => one.in === 'path');
  const inQuery = parameters.filter((one) => one.in === 'query');
  const pairs = fc.array(
    fc.oneof(...inQuery.map((one) => ({ weight: 6, arbitrary: fc.tuple(fc.constant(one.name), valueOf(one)) })), {
      weight: inQuery.length === 0 ? 1 : 2,
      arbitrary: fc.tuple(junk, junk),
    }),
    { maxLength: inQuery.length === 0 ? 1 : 4 },
  );
  const usual = pairs.map((query) => ({
    end: query.length === 0 ? '' : `?${query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')}`,
    isOther: false,
  }));
  const raw = fc.constantFrom(...oddQueries).map((end) => ({ end, isOther: false }));
  const other = fc.constantFrom('/', '//', ';x=y', '#x').map((end) => ({ end, isOther: true }));
  return fc
    .tuple(
      fc.tuple(...inPath.map(valueOf)),
      fc.oneof({ weight: 60, arbitrary: usual }, { weight: 2, arbitrary: raw }, { weight: 1, arbitrary: other }),
    )
    .map(([values, { end, isOther }]) => {
      const filled = inPath.reduce((url, { name }, at) => url.replace(`{${name}}`, () => encode(values[at])), path);
      return { url: `${filled}${end}`, isOther };
    });
}

const oddQueries = [
  '?',
  '?%',
  '?%zz=%',
  '?&&&=',
  '?limit',
  '?limit=1&limit=2',
  '?limit[]=3',
  `?a=${'x'.repeat(8_000)}`,
];

const contentTypes = [
  'text/plain',
  'application/json; charset=utf-16',
  'application/xml',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'application/jsonx',
  'application/*',
  '',
  ';',
  'application/json;;',
  'json',
  'application/problem+json',
];

/** Additional headers. Over a real connection, Node accepts no other characters. */
const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  ...oddTexts.filter((text) => /^[\x20-\x7e]{0,300}$/.test(text)).map((text) => ({ 'x-request-id': text })),
  { accept: 'application/xml' },
  { accept: '*/*;q=banana' },
  { 'accept-encoding': 'br;q=0' },
  { 'content-encoding': 'gzip' },
  { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  { traceparent: '00-00-00-00' },
  { origin: 'null' },
  { origin: 'https://shop.example', 'access-control-request-method': 'POST' },
  { 'x-forwarded-for': '::1, 127.0.0.1', 'x-forwarded-host': 'evil.example' },
  { 'x-http-method-override': 'DELETE' },
  { 'if-none-match': '*' },
  { range: 'bytes=0-18446744073709551615' },
  { cookie: `a=${'x'.repeat(4_000)}` },
];

function headers({ key, otherKeys }: CaseOptions): fc.Arbitrary<Record<string, string>> {
  const keys = fc.oneof(
    { weight: 44, arbitrary: fc.constant<Record<string, string>>({ 'x-api-key': key }) },
    { weight: 2, arbitrary: fc.constant({ authorization: `Bearer ${key}` }) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        {},
        ...otherKeys.map((other) => ({ 'x-api-key': other })),
        ...['', 'Bearer', 'Bearer ', 'Basic !!!', `Basic ${key}`, `bearer ${key}x`, 'Digest a=b'].map(
          (authorization) => ({ authorization }),
        ),
      ),
    },
  );
  const types = fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom('application/json', 'application/json; charset=utf-8') },
    { weight: 1, arbitrary: fc.constantFrom(...contentTypes) },
  );
  const odd = fc.oneof(
    { weight: 9, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.constantFrom(...oddHeaders) },
  );
  return fc.tuple(keys, types, odd).map(([ofKey, type, other]) => ({ 'content-type': type, ...ofKey, ...other }));
}

/** The documentation routes, which are not part of the document. */
function casesOfDocs({ key }: CaseOptions): fc.Arbitrary<FuzzCase> {
  const files = fc.oneof(
    fc.constantFrom(
      '',
      '/',
      '/json',
      '/yaml',
      '/static/index.html',
      '/static/swagger-ui.css',
      '/static/',
      '/static/..%2f..%2fpackage.json',
      '/static/%00',
    ),
    junk.map((text) => `/static/${encode(text)}`),
  );
  return fc
    .record({ file: files, headers: fc.constantFrom<Record<string, string>>({ 'x-api-key': key }, {}) })
    .map(({ file, headers: sent }) => ({
      ...{ target: 'docs', operation: undefined, method: 'GET', url: `/docs${file}`, headers: sent, body: undefined },
      wire: 'none' as const,
    }));
}

function casesOfNoRoute({ operations, key }: CaseOptions): fc.Arbitrary<FuzzCase> {
  const paths = fc.oneof(
    fc.constantFrom(...operations.map(({ path }) => path)),
    fc.constantFrom(
      '/',
      '//',
      '/v1',
      '/v1/',
      '/v1/recommendations/',
      '/v1/recommendations:',
      '/V1/RECOMMENDATIONS',
      '/v1/items',
      '/%',
      '/..',
      '/healthz/x',
    ),
    junk.map((text) => `/${encode(text)}`),
  );
  return fc
    .record({
      path: paths,
      method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
      body: fc.constantFrom(undefined, '', '{}', '[', 'x'.repeat(1_000)),
      headers: fc.constantFrom<Record<string, string>>(
        { 'x-api-key': key },
        { 'x-api-key': key, 'content-type': 'application/json' },
        {},
      ),
      wire: wires,
    })
    .map(({ path, method, body, headers: sent, wire }) => ({
      ...{ target: 'no route', operation: undefined, method, url: path, headers: sent, wire },
      body: method === 'GET' || method === 'HEAD' ? undefined : body,
    }));
}
