/** @module-tag full */
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createFolderArtifactStore } from '@facet/artifacts';
import { findFreePorts } from '@facet/local-services';
import { addApiKey, createApiKey, hashApiKey, removeApiKey } from '@facet/platform';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { homeOfFile, putBundle, putDatasetOf } from './fixtures.ts';
import { isGone, KeptConnection, startProcess, statusOf, workersOf } from './real-process.ts';
import type { RealProcess } from './real-process.ts';

/** No limit below that of the suite: a busy machine is slow, and that is no failure. */
const patiently = { timeout: 280_000, interval: 50 };

const home = await homeOfFile();

function startTwo(environment: Record<string, string> = { FACET_INSECURE: 'true' }): RealProcess {
  return startProcess(home, { FACET_PROCESSES: '2', FACET_WATCH_INTERVAL_MS: '50', ...environment });
}

async function sumOf(url: string, name: string): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n');
  const values = lines.filter((line) => line.startsWith(name)).map((line) => Number(line.split(' ').at(-1)));
  return values.reduce((sum, value) => sum + value, 0);
}

const responses = 'facet_serving_responses_total{kind="recommendations"';

interface Page {
  readonly bundleId: string;
  readonly recommendationId: string;
  readonly items: readonly { readonly itemId: string }[];
  readonly nextCursor?: string;
}

/** The tests share two processes, because starting them is slow. */
describe('two processes on one port', () => {
  let started: RealProcess;
  let url: string;
  let comparedId: string;
  /** The supervisor hands connections to the workers in turn. */
  let lanes: readonly KeptConnection[];
  const list = { userId: 'ada', limit: 30 };

  beforeAll(async () => {
    const [port = 0] = await findFreePorts(1);
    started = startTwo({ FACET_INSECURE: 'true', FACET_PORT: String(port) });
    ({ url } = await started.ready);
    lanes = await Promise.all([0, 1].map(() => KeptConnection.open(url)));
  });
  afterAll(() => started.child.kill('SIGKILL'));

  async function restOf(first: Page): Promise<Page[]> {
    const pages = [first];
    for (let cursor = first.nextCursor; cursor !== undefined; cursor = pages.at(-1)!.nextCursor) {
      const { status, body } = await lanes[pages.length % 2]!.ask<Page>({ cursor });
      expect(status).toBe(200);
      pages.push(body);
    }
    return pages;
  }

  it('serve the pages of one list, and load a new bundle one after the other', async () => {
    const { body: whole } = await lanes[1]!.ask<Page>(list);
    const { body: first } = await lanes[0]!.ask<Page>({ ...list, pageSize: 7 });
    const expectWhole = (pages: readonly Page[]): void => {
      expect(pages.flatMap(({ items }) => items)).toEqual(whole.items);
      expect(new Set(pages.map(({ recommendationId }) => recommendationId)).size).toBe(1);
      expect(new Set(pages.map(({ bundleId }) => bundleId))).toEqual(new Set([home.bundleRef.id]));
    };
    const pages = await restOf(first);
    expect(pages).toHaveLength(5);
    expectWhole(pages);

    const other = await putBundle(home, { seed: 12 });
    await createFolderArtifactStore(home.artifactsFolder).promote(other);
    const bundles = async (): Promise<Set<string>> =>
      new Set(await Promise.all(lanes.map(async (lane) => (await lane.ask()).body.bundleId)));
    await vi.waitFor(async () => expect(await bundles()).toEqual(new Set([other.id])), patiently);
    expect(await sumOf(url, 'facet_serving_swaps_total{what="bundle"}')).toBe(2);
    expectWhole(await restOf(first));
  });

  it('run a comparison once, and both return its result', async () => {
    const datasetId = await putDatasetOf(home);
    const [before, after] = await Promise.all([21, 22].map((seed) => putBundle(home, { seed, datasetId })));
    comparedId = after!.id;
    const asked = { before: { bundleId: before!.id }, after: { bundleId: after!.id } };
    const follow = async (lane: KeptConnection): Promise<unknown> => {
      for (;;) {
        const { status, body } = await lane.ask<{ state: string; result?: unknown }>(asked, '/v1/comparisons');
        expect(status, JSON.stringify(body)).toBe(200);
        if (body.state === 'finished') return body.result;
      }
    };
    const [first, second] = await Promise.all(lanes.map(follow));
    expect(first).toMatchObject({ overlap: { mean: expect.any(Number) as number } });
    expect(second).toEqual(first);
    expect(await follow(lanes[0]!)).toEqual(first);

    const refused = { before: {}, after: { bundleId: 'f'.repeat(32) } };
    for (const lane of lanes) {
      const ask = () => lane.ask<{ state?: string }>(refused, '/v1/comparisons');
      let { status, body } = await ask();
      while (body.state === 'running') ({ status, body } = await ask());
      expect(status).toBe(404);
      expect(body).toMatchObject({ code: 'ARTIFACT_NOT_FOUND', remedy: expect.any(String) as string });
    }
  });

  it('replace a killed worker without losing counts, and end on SIGTERM', async () => {
    const { child, log } = started;
    const workers = await workersOf(child.pid!);
    expect(workers).toHaveLength(2);

    const respondedBefore = await sumOf(url, responses);
    let failed = 0;
    const asking = lanes.map(async (lane) => {
      for (let asked = 0; asked < 200; asked++) {
        await lane.ask().then(
          ({ status }) => expect(status).toBe(200),
          () => failed++,
        );
      }
    });
    await vi.waitFor(async () => expect(await sumOf(url, responses)).toBeGreaterThan(respondedBefore + 40), {
      ...patiently,
      interval: 1,
    });
    process.kill(workers[0]!, 'SIGKILL');
    await Promise.all(asking);
    // The request that the worker was serving, and one that was handed to it before the supervisor saw its end.
    expect(failed).toBeLessThanOrEqual(2);
    for (let request = 0; request < 20; request++) expect(await statusOf(`${url}/readyz`)).toBe(200);
    await vi.waitFor(async () => expect(await sumOf(url, 'facet_serving_workers ')).toBe(2), patiently);
    expect(await sumOf(url, 'facet_serving_worker_restarts_total')).toBe(1);
    const replaced = await workersOf(child.pid!);
    expect(replaced).toContain(workers[1]);
    expect(replaced).not.toContain(workers[0]);
    // No count of the ended worker is lost between scrapes.
    const before = await sumOf(url, responses);
    expect(before).toBeGreaterThan(respondedBefore + 200);
    for (const lane of lanes) await lane.ask();
    expect(await sumOf(url, responses)).toBe(before + 2);

    // SIGTERM: all workers finish their requests and end.
    const { port } = new URL(url);
    const late = connect(Number(port), '127.0.0.1');
    const body = '{"userId":"ada"}';
    late.write(
      `POST /v1/recommendations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 4)}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Listens before the end, which a busy machine may report before the response.
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 100));
    late.write(body.slice(4));
    const closed = once(late, 'close').then(() => expect.unreachable('the connection was closed without a response'));
    const [response] = (await Promise.race([once(late, 'data'), closed])) as [Buffer];
    expect(response.toString()).toMatch(/^HTTP\/1.1 200 /);
    const [code] = await exited;
    expect(code, await log).toBe(0);
    const comparisons = (await log)
      .split('\n')
      .filter((line) => line.includes('"a job has started"') && line.includes(comparedId));
    expect(comparisons).toHaveLength(1);
    // The replacement has the trial of the killed worker, with its requests. Both began one with the bundle.
    const trials = (await log).split('\n').filter((line) => line.includes('"continuing the trial of the bundle"'));
    expect(trials).toHaveLength(1);
    expect((JSON.parse(trials[0]!) as { requests: number }).requests).toBeGreaterThan(0);
    // Without the unfinished file that a killed worker may leave.
    const files = (await readdir(join(home.folder, 'trials'))).filter((name) => name.endsWith('.json'));
    expect(files).toHaveLength(2);
    for (const pid of replaced) expect(isGone(pid)).toBe(true);
  });
});

it('two processes count the requests of a key together, and refuse a key that is revoked', async () => {
  const limited = createApiKey();
  const unlimited = createApiKey();
  const keysFile = join(home.folder, 'limited-keys.yaml');
  const scopes = ['serve'] as const;
  await addApiKey(keysFile, { name: 'limited', scopes, sha256: hashApiKey(limited), requestsPerSecondMax: 1 });
  await addApiKey(keysFile, { name: 'unlimited', scopes, sha256: hashApiKey(unlimited) });
  const { child, ready } = startTwo({ FACET_API_KEYS_FILE: keysFile });
  onTestFinished(() => void child.kill('SIGKILL'));
  const { url } = await ready;
  // A new connection for each request: the supervisor hands connections to the workers in turn.
  const ask = async (key: string): Promise<number> => {
    const headers = { authorization: `Bearer ${key}`, connection: 'close' };
    const { status } = await fetch(`${url}/v1/items/film-1/similar`, { headers });
    // A busy machine.
    return status === 503 ? ask(key) : status;
  };
  const startedAt = performance.now();
  const statuses: number[] = [];
  while (statuses.length < 20 || !statuses.includes(429)) statuses.push(await ask(limited));
  const seconds = (performance.now() - startedAt) / 1000;
  expect(new Set(statuses)).toEqual(new Set([200, 429]));
  expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(Math.floor(seconds) + 1);
  for (let asked = 0; asked < 20; asked++) expect(await ask(unlimited)).toBe(200);

  await removeApiKey(keysFile, 'unlimited');
  const askAll = async (): Promise<Set<number>> => {
    const seen = new Set<number>();
    for (let asked = 0; asked < 10; asked++) seen.add(await ask(unlimited));
    return seen;
  };
  await vi.waitFor(async () => expect(await askAll()).toEqual(new Set([401])), patiently);
  expect([200, 429]).toContain(await ask(limited));
});

it('a caller whose connection is handed to a killed worker is not left waiting', { tags: 'full' }, async () => {
  const { child, ready } = startTwo();
  onTestFinished(() => void child.kill('SIGKILL'));
  const { url } = await ready;
  let isOver = false;
  // New connections all the time. A connection without a reader would never settle, and the test would not end.
  const callers = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const sent = request(`${url}/readyz`, { agent: false });
      sent.end();
      await once(sent, 'response').then(
        ([response]) => text(response as IncomingMessage),
        () => undefined,
      );
    }
  });
  for (let kill = 0; kill < 6; kill++) {
    await vi.waitFor(async () => expect(await workersOf(child.pid!)).toHaveLength(2), patiently);
    const [worker] = await workersOf(child.pid!);
    process.kill(worker!, 'SIGKILL');
    await vi.waitFor(() => expect(isGone(worker!)).toBe(true), patiently);
  }
  isOver = true;
  await Promise.all(callers);
});

it('a worker that fails before it is ready ends all workers, with its exit code', { tags: 'full' }, async () => {
  const { child, log } = startTwo({ FACET_INSECURE: 'true', FACET_HOME: '/nowhere' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(4);
  expect(await log).toContain('"code":"SERVING_NO_BUNDLE"');
});
