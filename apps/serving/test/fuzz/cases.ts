import { gunzipSync, gzipSync } from 'node:zlib';
import { mutatedJson } from '@facet/testing/mutated-json';
import type { Json } from '@facet/testing/mutated-json';
import fc from 'fast-check';
import type { Operation } from '../api-contract.ts';

/** One request. */
export interface FuzzCase {
  /** The id of the intended operation, or `none`. */
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

/** An operation with sound requests, which the cases mutate. */
export interface SoundRequests {
  readonly operation: Operation;
  readonly parameters: Readonly<Record<string, Json>>;
  /** Empty if the operation takes no body. */
  readonly bodies: readonly Json[];
}

export interface CaseOptions {
  readonly sound: readonly SoundRequests[];
  /** Cursors from the server. */
  readonly cursors: readonly string[];
  /** A key with all scopes, and other keys. */
  readonly key: string;
  readonly otherKeys: readonly string[];
}

const weightDefault = 10;
/** Weights by the amount of code behind an operation. Those that write files or start a thread are rarer. */
const weights: Readonly<Record<string, number>> = {
  recommend: 40,
  recommendBatch: 15,
  findSimilarItems: 15,
  describeInterests: 15,
  promoteBundle: 3,
  rollBack: 2,
  compareSides: 1,
  runGate: 1,
  readMetrics: 4,
  checkAlive: 4,
  checkReady: 4,
};

export function fuzzCases(options: CaseOptions): fc.Arbitrary<FuzzCase> {
  const headers = headersOf(options);
  return fc.oneof(
    ...options.sound.map((sound) => ({
      weight: weights[sound.operation.operationId] ?? weightDefault,
      arbitrary: casesOf(sound, headers, options),
    })),
    { weight: 7, arbitrary: casesOfNoOperation(options, headers) },
  );
}

type Headers = fc.Arbitrary<Record<string, string>>;

const wires = fc.oneof(
  { weight: 92, arbitrary: fc.constant('none' as const) },
  { weight: 6, arbitrary: fc.constant('sound' as const) },
  { weight: 2, arbitrary: fc.constant('broken' as const) },
);

function casesOf(
  { operation, parameters, bodies }: SoundRequests,
  headers: Headers,
  { cursors }: CaseOptions,
): fc.Arbitrary<FuzzCase> {
  const { operationId, method } = operation;
  const ends = fc.oneof(
    { weight: 30, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constantFrom(...oddEnds) },
  );
  return fc
    .record({
      url: fc.tuple(mutatedJson(fc.constant(parameters)), ends).map(([text, end]) => urlOf(operation, text) + end),
      body:
        bodies.length === 0
          ? fc.constantFrom(undefined, undefined, undefined, '', '{}', 'x')
          : bodiesOf(bodies, cursors),
      headers,
      wire: wires,
    })
    .map(({ url, body, headers: { 'content-type': type = '', ...sent }, wire }) => ({
      ...{ target: operationId, operation, method, url, body, wire },
      // A request without a body has no content type.
      headers: body === undefined ? sent : { ...sent, 'content-type': type },
    }));
}

/** Percent-encoded UTF-8, also of invalid text. */
const encode = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return [...Buffer.from(text ?? '')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
};

/** Appended to URLs. */
const oddEnds = ['?', '?%zz=%', '?&&&=', '?limit', '?limit=1&limit=2', '?limit[]=3', `?a=${'x'.repeat(8_000)}`];

/** Returns the URL of an operation. The JSON text of its parameters may be damaged. */
function urlOf({ path, parameters }: Operation, text: string): string {
  const values = parseObject(text) ?? Object.fromEntries(parameters.map(({ name }) => [name, text]));
  const inPath = parameters.flatMap((one) => (one.in === 'path' ? [one.name] : []));
  const url = inPath.reduce((filled, name) => filled.replace(`{${name}}`, () => encode(values[name])), path);
  const query = Object.entries(values).filter(([name]) => !inPath.includes(name));
  return query.length === 0 ? url : `${url}?${query.map((pair) => pair.map(encode).join('=')).join('&')}`;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function bodiesOf(bodies: readonly Json[], cursors: readonly string[]): fc.Arbitrary<string | Buffer | undefined> {
  const contents = cursors.map((cursor) => JSON.parse(gunzipSync(Buffer.from(cursor, 'base64url')).toString()) as Json);
  // Sound gzip, whose content is damaged.
  const forged = mutatedJson(fc.constantFrom(...contents)).map((text) =>
    JSON.stringify({ cursor: gzipSync(text, { level: 1 }).toString('base64url') }),
  );
  return fc.oneof(
    { weight: 80, arbitrary: mutatedJson(fc.constantFrom(...bodies)) },
    { weight: 5, arbitrary: mutatedJson(fc.constantFrom(...cursors).map((cursor) => ({ cursor, pageSize: 3 }))) },
    { weight: 5, arbitrary: forged },
    { weight: 5, arbitrary: fc.constantFrom(...oddBodies) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

const bodyBytesMax = 1 << 20;

/** Bodies that are no JSON, that nest deeply, or that are about as large as the limit. */
const oddBodies: readonly (string | Buffer)[] = [
  ...['', ' ', '\0', 'null', 'undefined', '[]', '7', '"text"', 'NaN', '{', '{}{}', '{"a":1,}', "{'a':1}"],
  ...['{"limit":1e999}', '{"limit":0x10}', '{"limit":01}', '{"userId":"\\ud800"}', '{"userId":"\\x"}'],
  ...['{"__proto__":{"limit":0}}', '{"constructor":{"prototype":{"limit":0}}}', '{"limit":1,"limit":[]}'],
  ...['\ufeff{}', '// {}\n{}', 'userId=ada&limit=3', '<request/>', '--x\r\n\r\n{}\r\n--x--'],
  ...['['.repeat(100_000), '{"a":'.repeat(50_000), `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
  `{"filter":${'{"attributes":'.repeat(3_000)}1${'}'.repeat(3_000)}}`,
  `{"exclude":[${'1'.repeat(300_000)}]}`,
  ...[-20, 0, 1].map((beyond) => `{"userId":"ada","padding":"${'x'.repeat(bodyBytesMax + beyond - 30)}"}`),
  JSON.stringify({ cursor: gzipSync(Buffer.alloc(5 << 20)).toString('base64url') }),
  Buffer.from('{"userId":"ada"}', 'utf16le'),
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0xc0, 0x80, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.from([0x1f, 0x8b, 0x08, 0x00]),
];

const oddTypes = [
  'text/plain',
  'application/json; charset=utf-16',
  'application/*',
  '',
  ';',
  'application/json;;',
  'json',
];

const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  ...['', '%00', '../../etc/passwd', '<script>', 'x'.repeat(256)].map((id) => ({ 'x-request-id': id })),
  { accept: '*/*;q=banana' },
  { 'accept-encoding': 'br;q=0' },
  { 'content-encoding': 'gzip' },
  { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  { traceparent: '00-00-00-00' },
  { origin: 'https://shop.example', 'access-control-request-method': 'POST' },
  { 'x-forwarded-for': '::1, 127.0.0.1', 'x-forwarded-host': 'evil.example' },
  { 'x-http-method-override': 'DELETE' },
  { 'if-none-match': '*' },
  { range: 'bytes=0-18446744073709551615' },
  { cookie: `a=${'x'.repeat(4_000)}` },
];

function headersOf({ key, otherKeys }: CaseOptions): Headers {
  const refused = ['', 'Bearer ', 'Basic !!!', `Basic ${key}`, `bearer ${key}x`, 'Digest a=b'];
  const keys = fc.oneof(
    { weight: 44, arbitrary: fc.constant<Record<string, string>>({ 'x-api-key': key }) },
    { weight: 2, arbitrary: fc.constant({ authorization: `Bearer ${key}` }) },
    { weight: 1, arbitrary: fc.constantFrom({}, ...otherKeys.map((other) => ({ 'x-api-key': other }))) },
    { weight: 1, arbitrary: fc.constantFrom(...refused.map((authorization) => ({ authorization }))) },
  );
  const types = fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom('application/json', 'application/json; charset=utf-8') },
    { weight: 1, arbitrary: fc.constantFrom(...oddTypes) },
  );
  const odd = fc.oneof(
    { weight: 9, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.constantFrom(...oddHeaders) },
  );
  return fc.tuple(keys, types, odd).map(([ofKey, type, other]) => ({ 'content-type': type, ...ofKey, ...other }));
}

/** Paths of the documentation, and paths without a route. */
const otherPaths = [
  ...['/docs', '/docs/', '/docs/json', '/docs/yaml', '/docs/static/index.html', '/docs/static/', '/docs/static/%00'],
  ...['/docs/static/..%2f..%2fpackage.json', '/docs/static/%ff', '/', '//', '/v1', '/v1/', '/v1/recommendations/'],
  ...['/v1/recommendations:', '/v1/recommendations;x=y', '/V1/RECOMMENDATIONS', '/%', '/%zz', '/..', '/healthz/x'],
];

/** Requests whose responses the document does not describe. */
function casesOfNoOperation({ sound }: CaseOptions, headers: Headers): fc.Arbitrary<FuzzCase> {
  return fc
    .record({
      url: fc.constantFrom(...sound.map(({ operation }) => operation.path), ...otherPaths),
      method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
      body: fc.constantFrom(undefined, '', '{}', '[', 'x'.repeat(1_000)),
      headers,
      wire: wires,
    })
    .map(({ method, body, ...sent }) => ({
      ...{ target: 'none', operation: undefined, method, ...sent },
      body: method === 'GET' || method === 'HEAD' ? undefined : body,
    }));
}
