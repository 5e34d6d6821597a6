import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { createRequire } from 'node:module';
import { json } from 'node:stream/consumers';
import { serveForTest } from '@facet/testing';
import { expect, it, onTestFinished, vi } from 'vitest';
import { readConfig } from '../src/config.ts';
import { homeOfFile } from './fixtures.ts';
import { startTestServer } from './test-server.ts';

const require = createRequire(import.meta.url);

const home = await homeOfFile();

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

interface ReceivedSpans {
  readonly resourceSpans: readonly {
    readonly resource: Pick<ReceivedSpan, 'attributes'>;
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[];
  }[];
}

/**
 * Starts a collector of traces, and sets its address in the environment.
 *
 * @param status the status of its responses.
 */
async function receive(status: number | 'never' = 200, environment: Record<string, string> = {}) {
  const spans: ReceivedSpan[] = [];
  const resources: ReceivedSpan['attributes'][] = [];
  const heads: { readonly path: string | undefined; readonly headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    heads.push({ path: request.url, headers: request.headers });
    void json(request).then((body) => {
      const { resourceSpans } = body as ReceivedSpans;
      for (const { resource, scopeSpans } of resourceSpans) {
        resources.push(resource.attributes);
        for (const scope of scopeSpans) spans.push(...scope.spans);
      }
      if (status !== 'never') response.writeHead(status).end('{}');
    });
  });
  const endpoint = `${await serveForTest(server)}/otel`;
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const [name, value] of Object.entries({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...environment })) {
    vi.stubEnv(name, value);
  }
  return { spans, resources, heads };
}

const ask = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v1/recommendations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"userId":"zoe","behaviors":["film-3"]}',
  });

const traceparent = (traceId: string, caller: string, flags: string): string => `00-${traceId}-${caller}-${flags}`;

it('loads the packages of OpenTelemetry only if tracing is on', async () => {
  // prom-client loads their `api`, too.
  const isLoaded = (): boolean => Object.keys(require.cache).some((file) => file.includes('@opentelemetry/sdk'));
  await startTestServer(home);
  expect(isLoaded()).toBe(false);
  await receive();
  await startTestServer(home, { tracing: { share: 1 } });
  expect(isLoaded()).toBe(true);
});

it('adds a request to the trace of its caller, with child spans', async () => {
  const { spans, resources, heads } = await receive(200, {
    OTEL_EXPORTER_OTLP_HEADERS: 'x-team=shop,x-key=a%20b',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  const server = await startTestServer(home, { tracing: { share: 0 } });
  const [traceId, caller] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
  await ask(server.url, { traceparent: traceparent(traceId, caller, '01'), 'x-request-id': 'request-1' });
  // The caller does not sample these, or sends no valid trace.
  await ask(server.url, { traceparent: traceparent(traceId, caller, '00') });
  await ask(server.url, { traceparent: traceparent(traceId.toUpperCase(), caller, '01') });
  await ask(server.url);
  // Closing flushes pending spans.
  await server.close();
  const [root, ...others] = spans.filter(({ kind }) => kind === 2);
  expect(others).toEqual([]);
  expect(root).toMatchObject({ traceId, parentSpanId: caller, name: 'POST /v1/recommendations' });
  const attributesOfRoot = new Map(root!.attributes.map(({ key, value }) => [key, Object.values(value)[0] as unknown]));
  expect(Object.fromEntries(attributesOfRoot)).toEqual({
    'http.request.method': 'POST',
    'http.route': '/v1/recommendations',
    'http.response.status_code': 200,
    'facet.request_id': 'request-1',
  });
  const stages = spans.filter(({ kind }) => kind === 1);
  expect(stages.map(({ name }) => name)).toEqual(expect.arrayContaining(['profile', 'interests', 'search', 'render']));
  // Spans start at whole milliseconds and end at microseconds.
  const roundingNs = 1_000_000n;
  for (const stage of stages) {
    expect(stage).toMatchObject({ traceId, parentSpanId: root!.spanId });
    expect(BigInt(stage.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(root!.startTimeUnixNano));
    expect(BigInt(stage.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(root!.endTimeUnixNano) + roundingNs);
  }
  expect(Math.abs(Number(BigInt(root!.endTimeUnixNano) / 1_000_000n) - Date.now())).toBeLessThan(60_000);
  expect(heads[0]).toMatchObject({ path: '/otel/v1/traces', headers: { 'x-team': 'shop', 'x-key': 'a b' } });
  expect(resources[0]).toContainEqual({ key: 'service.name', value: { stringValue: 'facet-serving' } });
  expect(resources[0]).toContainEqual({ key: 'deployment.environment.name', value: { stringValue: 'test' } });
  expect(JSON.stringify(spans)).not.toMatch(/zoe|film-3/);
});

it('starts a trace for other requests, whatever the status, under a configurable service name', async () => {
  const { spans, resources } = await receive(200, { OTEL_SERVICE_NAME: 'api' });
  const server = await startTestServer(home, { tracing: { share: 1 } });
  await ask(server.url);
  await ask(server.url, { 'content-type': 'text/plain' });
  // Only API routes are traced.
  await server.metrics();
  await server.close();
  const roots = spans.filter(({ kind }) => kind === 2);
  expect(roots).toHaveLength(2);
  expect(new Set(roots.map(({ traceId }) => traceId)).size).toBe(2);
  for (const root of roots) expect(root.parentSpanId).toBeUndefined();
  const statuses = roots.map(({ attributes }) => attributes.find(({ key }) => key.endsWith('status_code'))?.value);
  expect(statuses).toEqual([{ intValue: 200 }, { intValue: 415 }]);
  expect(resources[0]).toContainEqual({ key: 'service.name', value: { stringValue: 'api' } });
});

it('fails no request if the collector refuses spans, and logs it once', async () => {
  const { heads } = await receive(400, { OTEL_BSP_SCHEDULE_DELAY: '10' });
  const server = await startTestServer(home, { tracing: { share: 1 } });
  for (let request = 0; request < 5; request++) expect((await ask(server.url)).status).toBe(200);
  await vi.waitFor(() => expect(heads.length).toBeGreaterThan(0), { timeout: 5_000 });
  await ask(server.url);
  await server.close();
  const complaints = server.logLines.filter(({ msg }) => msg === 'cannot export traces');
  expect(complaints).toMatchObject([{ dropped: expect.any(Number), err: { code: 400 } }]);
});

it('does not wait for a collector that hangs when closing', { tags: 'full' }, async () => {
  const { heads } = await receive('never', { OTEL_EXPORTER_OTLP_TIMEOUT: '600000' });
  const server = await startTestServer(home, { tracing: { share: 1 } });
  await ask(server.url);
  await server.close();
  expect(heads).toHaveLength(1);
});

it('is off without an endpoint, and traces all requests by default', () => {
  const read = (environment: NodeJS.ProcessEnv) => readConfig({ FACET_INSECURE: 'true', ...environment }).tracing;
  expect(read({})).toBeUndefined();
  expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' })).toEqual({ share: 1 });
  const some = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_TRACES_SAMPLER_ARG: '0.1' };
  expect(read(some)).toEqual({ share: 0.1 });
});
