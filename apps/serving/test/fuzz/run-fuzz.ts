import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ExperimentsSettings, ExposureWriter, parseExperiments } from '@facet/exposures';
import { createLogger, parseWith } from '@facet/platform';
import type { Json } from '@facet/testing/mutated-json';
import fc from 'fast-check';
import { ExposureRecorder } from '../../src/exposures/exposures.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { readContract } from '../api-contract.ts';
import type { ApiDocument, Operation, ReceivedResponse } from '../api-contract.ts';
import { createHome, createTestApp, putBundle, servingKey, textOfKey } from '../fixtures.ts';
import type { Home, TestApp } from '../fixtures.ts';
import { fuzzCases } from './cases.ts';
import type { CaseOptions, FuzzCase, SoundRequests } from './cases.ts';
import { sendInside, sendThroughSocket } from './send.ts';

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
  readonly onProgress?: (done: number) => void;
}

export interface FuzzReport {
  readonly seed: number;
  readonly cases: number;
  readonly seconds: number;
  /** The number of responses by operation and status; `closed` without a response. */
  readonly responses: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** The slowest response. */
  readonly longestMs: number;
  /** The smallest failing case found, with the reason. */
  readonly failure: { readonly fault: string; readonly case: unknown } | undefined;
}

/** Slower responses count as hanging. Other programs may use the cores. */
const responseMsMax = 20_000;

/** Named filters with and without context values. */
const settings = {
  filters: {
    affordable: { attributes: { price: { max: { context: 'budget' } } } },
    'by-genre': { attributes: { genre: { in: { context: 'genres' } } } },
    'no-crime': { attributes: { genre: { notIn: ['crime'] } } },
  },
};

const experiments = parseWith(
  ExperimentsSettings,
  [
    {
      name: 'merge',
      arms: { control: {}, turns: { merge: { by: 'round-robin' } } },
      shadow: { wide: { share: 0.2, breadth: 40 } },
    },
  ],
  { source: 'experiments' },
);

/**
 * Sends requests of every kind to the real app. Checks that each response matches the document, is fast, and is no internal
 * error, and that the app responds as before at the end.
 */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const home = await createHome();
  const server = await startServer(home);
  try {
    return await fuzz(server, options, await caseOptions(server, home));
  } finally {
    await server.close();
    await home.remove();
  }
}

async function startServer(home: Home): Promise<TestApp & { readonly port: number }> {
  const writer = new ExposureWriter({
    folder: join(home.folder, 'exposures'),
    retentionDays: 30,
    onFailure(error) {
      throw error;
    },
  });
  const logger = createLogger({ name: 'fuzz', level: 'silent' });
  const server = await createTestApp(home, {
    access: { kind: 'keys', keys: [servingKey('all', ['serve', 'admin']), ...others] },
    settings,
    experiments: parseExperiments(experiments),
    recorder: new ExposureRecorder({ writer, metrics: createMetrics(), logger }),
    sampledShare: 0.1,
  });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    await server.close();
    await writer.close();
  };
  return { ...server, port, close };
}

const others = [servingKey('serve', ['serve']), { ...servingKey('small', ['serve', 'admin']), bodyBytesMax: 100 }];

const asAll = { 'x-api-key': textOfKey('all') };

/** Bodies in addition to the examples of the document. */
const bodiesOfRecommend: readonly Json[] = [
  { userId: 'stranger', limit: 1_000 },
  { userId: 'registered-only', excludeSeen: false, strict: true },
  { userId: 'ben', merge: { by: 'quota', floors: [3, 0, 1] } },
  { userId: 'ada', merge: { by: 'quota', shares: 'equal' }, interestCount: 2 },
  { userId: 'other-3', merge: { by: 'round-robin' }, record: false, timings: true },
  { behaviors: [{ itemId: 'film-6', occurredAt: '2026-02-20T10:00:00Z' }, 'unheard-of'], exclude: ['film-2'] },
  { userId: 'ada', filters: ['by-genre', 'no-crime'], context: { genres: ['crime'], device: 'phone' } },
];

async function caseOptions({ app }: TestApp, home: Home): Promise<CaseOptions> {
  const document = (await app.inject({ url: '/docs/json', headers: asAll })).json() as ApiDocument;
  const cursors: string[] = [];
  for (const body of [{ userId: 'ada', explain: true }, { userId: 'stranger' }, { userId: 'ben', limit: 1_000 }]) {
    const payload = { ...body, pageSize: 3 };
    const response = await app.inject({ method: 'POST', url: '/v1/recommendations', headers: asAll, payload });
    cursors.push((response.json() as { nextCursor: string }).nextCursor);
  }
  const bundleId = (await putBundle(home, { seed: 12 })).id;
  return {
    sound: readContract(document).map((operation) => soundRequestsOf(operation, bundleId)),
    cursors,
    key: textOfKey('all'),
    otherKeys: [...others.map(({ name }) => textOfKey(name)), 'wrong'],
  };
}

function soundRequestsOf(operation: Operation, bundleId: string): SoundRequests {
  const { operationId, parameters, body } = operation;
  const examples = parameters.map(({ name, example }) => [name, name === 'bundleId' ? bundleId : (example as Json)]);
  const bodies = (body?.examples ?? []) as Json[];
  return {
    operation,
    parameters: Object.fromEntries(examples) as Record<string, Json>,
    bodies: operationId === 'recommend' ? [...bodies, ...bodiesOfRecommend] : bodies,
  };
}

async function fuzz(
  server: TestApp & { readonly port: number },
  { cases, seed, onProgress }: FuzzOptions,
  options: CaseOptions,
): Promise<FuzzReport> {
  const responses: Record<string, Record<string, number>> = {};
  const startedAt = performance.now();
  let done = 0;
  let longestMs = 0;
  const before = await goldenResponse(server);
  const checkCase = async (sent: FuzzCase): Promise<void> => {
    const sentAt = performance.now();
    server.logLines.length = 0;
    const response = await (sent.wire === 'none' ? sendInside(server.app, sent) : sendThroughSocket(server.port, sent));
    const fault = faultOf(sent, response) ?? faultLogged(server);
    if (fault !== undefined) throw new Error(fault);
    longestMs = Math.max(longestMs, performance.now() - sentAt);
    const ofTarget = (responses[sent.target] ??= {});
    const status = response?.statusCode ?? 'closed';
    ofTarget[status] = (ofTarget[status] ?? 0) + 1;
    if (++done % 1_000 === 0) onProgress?.(done);
  };
  const property = fc.asyncProperty(fuzzCases(options), checkCase);
  const result = await fc.check(property, { numRuns: cases, seed, timeout: responseMsMax });
  const [failing] = result.counterexample ?? [];
  const found = failing && { fault: String(result.errorInstance), case: describe(failing) };
  const after = await goldenResponse(server);
  const changed = { fault: `the response to ada changed: ${after} instead of ${before}`, case: undefined };
  return {
    ...{ seed: result.seed, cases: done, seconds: (performance.now() - startedAt) / 1_000, responses, longestMs },
    failure: found ?? (after === before ? undefined : changed),
  };
}

/** A response that is known in advance except for its id. */
async function goldenResponse({ app }: TestApp): Promise<string> {
  const payload = { userId: 'ada', behaviors: ['film-30'], limit: 20, explain: true };
  const response = await app.inject({ method: 'POST', url: '/v1/recommendations', headers: asAll, payload });
  return `${response.statusCode} ${response.body.replace(/"recommendationId":"[^"]+"/, '')}`;
}

function faultOf({ operation, method, wire }: FuzzCase, response: ReceivedResponse | undefined): string | undefined {
  if (response === undefined) return wire === 'broken' ? undefined : 'the connection was closed without a response';
  const { statusCode, body } = response;
  if (statusCode >= 500) return `${statusCode}: ${body.slice(0, 500)}`;
  if (method === 'HEAD') return undefined;
  // In transit it may have become a request that Node refuses, or one of another route.
  if (operation !== undefined && wire !== 'broken') return operation.faultOf(response);
  return statusCode < 400 || body === '' ? undefined : faultOfProblem(response);
}

/** Every refusal has the form of a problem. */
function faultOfProblem({ statusCode, body }: ReceivedResponse): string | undefined {
  const problem = JSON.parse(body) as Record<string, unknown>;
  const isWhole = problem['statusCode'] === statusCode && typeof problem['code'] === 'string';
  return isWhole && typeof problem['message'] === 'string'
    ? undefined
    : `no problem: ${statusCode} ${body.slice(0, 500)}`;
}

const errorLevel = 50;

function faultLogged({ logLines }: TestApp): string | undefined {
  const line = logLines.find(({ level }) => Number(level) >= errorLevel);
  return line === undefined ? undefined : `logged: ${JSON.stringify(line)}`;
}

/** Returns the parts of a case with which it can be repeated. Long bodies are cut. */
function describe({ target, method, url, headers, wire, body }: FuzzCase): unknown {
  const bytes = body && Buffer.byteLength(body);
  return { target, method, url, headers, wire, body: body?.toString().slice(0, 2_000), bytes };
}
