import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { createHome, films, putBundle } from './fixtures.ts';
import type { Home } from './fixtures.ts';
import { startTestServer } from './test-server.ts';
import type { TestServer } from './test-server.ts';

let home: Home;
let store: ArtifactStore;
let bad: ArtifactRef;
let good: ArtifactRef;
beforeEach(async () => {
  home = await createHome();
  onTestFinished(() => home.remove());
  store = createFolderArtifactStore(home.artifactsFolder);
  // No item is available, so every response is empty.
  bad = await putBundle(home, { items: films.map((film) => ({ ...film, available: false })) });
  good = await putBundle(home, { seed: 12 });
});

/** Ignores response times, which depend on the machine. */
const set = (guardrails: string): Promise<void> =>
  writeFile(
    join(home.folder, 'facet.yaml'),
    `guardrails: { requestsMin: 20, p99Ms: { max: 100000 }, ${guardrails} }\n`,
  );
const patiently = { timeout: 10_000, interval: 20 };

async function askOften(server: TestServer, times: number): Promise<void> {
  for (let request = 0; request < times; request++) {
    await server.ask(request % 3 === 0 ? { userId: 'stranger' } : { userId: 'ada' });
  }
}

/** Promotes a bundle and waits until it is live. */
async function promote(ref: ArtifactRef, ...servers: TestServer[]): Promise<void> {
  await store.promote(ref, { by: 'operator' });
  for (const server of servers) await waitForBundle(ref.id, server);
}

async function waitForBundle(bundleId: string, server: TestServer): Promise<void> {
  await vi.waitFor(async () => {
    const ready = (await (await fetch(`${server.url}/readyz`)).json()) as { bundleId: string };
    expect(ready.bundleId).toBe(bundleId);
  }, patiently);
}

it('rolls a bundle with empty responses back, and records the figures', async () => {
  await set('enabled: true');
  const server = await startTestServer(home);
  await askOften(server, 30);
  await promote(bad, server);
  expect((await server.ask({ userId: 'ada' })).items).toEqual([]);
  await askOften(server, 25);
  await waitForBundle(home.bundleRef.id, server);
  expect((await server.ask({ userId: 'ada' })).items.length).toBeGreaterThan(40);
  const record = (await store.promotions()).at(-1)!;
  expect(record).toMatchObject({
    kind: 'rollback',
    by: 'guardrails',
    ref: { id: home.bundleRef.id },
    previous: { id: bad.id },
  });
  expect(record.reason).toMatch(/^emptyShare 1 \(at most 0\.02, 0 before\) of \d+ requests$/);
  expect(await server.metrics()).toContain('facet_serving_rollbacks_total 1');

  // Neither the restored bundle is judged, nor the bad bundle when it is promoted again.
  await askOften(server, 25);
  await promote(bad, server);
  await askOften(server, 25);
  await vi.waitFor(
    () =>
      expect(server.logLines).toContainEqual(expect.objectContaining({ refusal: expect.stringContaining('again') })),
    patiently,
  );
  expect((await store.readRef('current'))!.id).toBe(bad.id);
  expect(await store.promotions()).toHaveLength(4);
});

it('rolls back once, in one of several processes', async () => {
  await set('enabled: true');
  const servers = [await startTestServer(home), await startTestServer(home)];
  await promote(bad, ...servers);
  await Promise.all(servers.map((server) => askOften(server, 25)));
  for (const server of servers) await waitForBundle(home.bundleRef.id, server);
  const rollbacks = (await store.promotions()).filter(({ kind }) => kind === 'rollback');
  expect(rollbacks).toHaveLength(1);
});

it('keeps a good bundle, and ends its trial', async () => {
  await set('enabled: true, windowMinutes: 0.05');
  const server = await startTestServer(home);
  await promote(good, server);
  const verdict = (): unknown => server.logLines.find((line) => 'verdict' in line);
  while (verdict() === undefined) await askOften(server, 5);
  expect(verdict()).toMatchObject({ bundleId: good.id, verdict: 'fine' });
  expect((await store.readRef('current'))!.id).toBe(good.id);
  expect(await server.metrics()).toContain('facet_serving_rollbacks_total 0');
});

it('does not count failures of an arm bundle against the live bundle', async () => {
  // This positive rule is invalid, so each request with stored events fails.
  const failing = await putBundle(home, { seed: 13, positives: 'no rule at all' });
  const facetFile = join(home.folder, 'facet.yaml');
  await set('enabled: true, windowMinutes: 0.05');
  await appendFile(
    facetFile,
    `experiments: [{ name: test, arms: { control: {}, other: { bundle: ${failing.id} } } }]\n`,
  );
  const server = await startTestServer(home);
  const statuses = new Map<string, number>();
  const askAll = async (): Promise<void> => {
    for (let user = 0; user < 20; user++) {
      const outcome = await server.ask({ userId: `other-${user}` }).then(
        () => 'items',
        (error: Error) => error.message.slice(0, 3),
      );
      statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
    }
  };
  await promote(good, server);
  const verdict = (): unknown => server.logLines.find((line) => 'verdict' in line);
  while (verdict() === undefined) await askAll();
  expect([...statuses.keys()].sort()).toEqual(['500', 'items']);
  expect(verdict()).toMatchObject({ bundleId: good.id, verdict: 'fine', errorShare: 0 });
  expect((await store.readRef('current'))!.id).toBe(good.id);
});

it('keeps a bundle that a person restored by a rollback', async () => {
  await set('enabled: true');
  await store.promote(bad);
  await store.promote(good);
  const server = await startTestServer(home);
  await store.rollback({ by: 'operator' });
  await waitForBundle(bad.id, server);
  await askOften(server, 25);
  await vi.waitFor(
    () =>
      expect(server.logLines).toContainEqual(
        expect.objectContaining({ refusal: 'the bundle is current by a rollback' }),
      ),
    patiently,
  );
  expect((await store.readRef('current'))!.id).toBe(bad.id);
});

it.each(['', 'enabled: false'])('does nothing by default: {%s}', async (setting) => {
  await set(setting);
  const server = await startTestServer(home);
  await promote(bad, server);
  await askOften(server, 60);
  expect((await store.readRef('current'))!.id).toBe(bad.id);
  expect(await server.metrics()).toContain('facet_serving_rollbacks_total 0');
});

it('refuses to start with a misspelled setting', async () => {
  await set('enabeld: true');
  await expect(startTestServer(home)).rejects.toThrow(/guardrails\.enabeld/);
});
