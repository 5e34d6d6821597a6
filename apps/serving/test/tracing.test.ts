import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { readConfig } from '../src/config.ts';
import { readTraceContext } from '../src/tracing/trace-context.ts';
import { createHome } from './fixtures.ts';
import type { Home } from './fixtures.ts';
import { startTestServer } from './test-server.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.remove());

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

/** A collector of traces. */
async function receive(status = 200) {
  const spans: ReceivedSpan[] = [];
  const heads: { readonly path: string | undefined; readonly headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    heads.push({ path: request.url, headers: request.headers });
    void json(request).then((body) => {
      const { resourceSpans } = body as { resourceSpans: { scopeSpans: { spans: ReceivedSpan[] }[] }[] };
      for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
      response.writeHead(status).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/otel`;
  return { spans, heads, endpoint };
}

const ask = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v1/recommendations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"userId":"ada","behaviors":["film-3"]}',
  });

it('a request is a span of the trace of its caller, and its stages are spans of it', async () => {
  const { spans, heads, endpoint } = await receive();
  const server = await startTestServer(home, {
    endpoint: `${endpoint}/`,
    headers: { 'x-team': 'shop' },
    serviceName: 'api',
    share: 0,
  });
  const [traceId, caller] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
  await ask(server.url, { traceparent: `00-${traceId}-${caller}-01`, 'x-request-id': 'request-1' });
  // Not recorded by the caller, or no trace of one, of which none is recorded.
  await ask(server.url, { traceparent: `00-${traceId}-${caller}-00` });
  await ask(server.url);
  // What is left is sent at the end.
  await server.close();
  const [root, ...others] = spans.filter(({ kind }) => kind === 2);
  expect(others).toEqual([]);
  expect(root).toMatchObject({ traceId, parentSpanId: caller, name: 'POST /v1/recommendations' });
  expect(root!.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: '200' } });
  expect(root!.attributes).toContainEqual({ key: 'facet.request_id', value: { stringValue: 'request-1' } });
  const stages = spans.filter(({ kind }) => kind === 1);
  expect(stages.map(({ name }) => name)).toEqual(expect.arrayContaining(['profile', 'interests', 'search', 'render']));
  for (const stage of stages) {
    expect(stage).toMatchObject({ traceId, parentSpanId: root!.spanId });
    expect(BigInt(stage.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(root!.startTimeUnixNano));
    expect(BigInt(stage.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(root!.endTimeUnixNano));
  }
  expect(Math.abs(Number(BigInt(root!.endTimeUnixNano) / 1_000_000n) - Date.now())).toBeLessThan(60_000);
  expect(heads[0]).toMatchObject({ path: '/otel/v1/traces', headers: { 'x-team': 'shop' } });
  expect(JSON.stringify(spans)).not.toMatch(/ada|film-3/);
});

it('a collector that is away or refuses costs no request, and the log says so once', async () => {
  const { endpoint, heads } = await receive(503);
  const server = await startTestServer(home, { endpoint, headers: {}, serviceName: 'api', share: 1 });
  for (let request = 0; request < 5; request++) expect((await ask(server.url)).status).toBe(200);
  await vi.waitFor(() => expect(heads.length).toBeGreaterThan(0), { timeout: 5_000 });
  await ask(server.url);
  await server.close();
  const complaints = server.logLines.filter(({ msg }) => msg === 'traces cannot be exported');
  expect(complaints).toMatchObject([{ problem: 'the collector answers 503' }]);
});

describe('the trace of a request', () => {
  const id = '4bf92f3577b34da6a3ce929d0e0e4736';
  const span = '00f067aa0ba902b7';

  it('is that of the caller, who decides whether it is recorded', () => {
    expect(readTraceContext(`00-${id}-${span}-01`, 0)).toEqual({ traceId: id, parentSpanId: span, isSampled: true });
    expect(readTraceContext(`00-${id}-${span}-02`, 1)).toMatchObject({ traceId: id, isSampled: false });
    // A later version may say more.
    expect(readTraceContext(`cc-${id}-${span}-01-more`, 0)).toMatchObject({ traceId: id, isSampled: true });
  });

  it.each([
    undefined,
    '',
    'nonsense',
    `ff-${id}-${span}-01`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${id}-${'0'.repeat(16)}-01`,
    `00-${id.toUpperCase()}-${span}-01`,
    `00-${id}-${span}-01x`,
  ])('begins here where the header is %j', (header) => {
    const context = readTraceContext(header, 0.5, () => 0.4);
    expect(context).toMatchObject({ parentSpanId: undefined, isSampled: true });
    expect(context.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(context.traceId).not.toBe(id);
    expect(readTraceContext(header, 0.5, () => 0.6).isSampled).toBe(false);
  });
});

it('tracing is read from the usual variables, and is off without an address', () => {
  expect(readConfig({ FACET_INSECURE: 'true' }).tracing).toBeUndefined();
  const tracing = readConfig({
    FACET_INSECURE: 'true',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b,x-team=shop',
    OTEL_TRACES_SAMPLER_ARG: '0.1',
  }).tracing;
  expect(tracing).toEqual({
    endpoint: 'http://collector:4318',
    headers: { 'x-key': 'a b', 'x-team': 'shop' },
    serviceName: 'facet-serving',
    share: 0.1,
  });
});
