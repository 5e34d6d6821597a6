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
  // Nothing of it may be offered: every answer is empty.
  bad = await putBundle(home, { items: films.map((film) => ({ ...film, available: false })) });
  good = await putBundle(home, { seed: 12 });
});

/** How long answers take on a busy machine is left out of it. */
const set = (guardrails: string): Promise<void> =>
  writeFile(
    join(home.folder, 'facet.yaml'),
    `guardrails: { requestsMin: 20, p99Ms: { max: 100000 }, ${guardrails} }\n`,
  );
const patiently = { timeout: 10_000, interval: 20 };

async function askOften(server: TestServer, times: number): Promise<void> {
  for (let request = 0; request < times; request++) {
    await server.ask(request % 3 === 0 ? { userId: 'nobody' } : { userId: 'ada' });
  }
}

/** Promotes, and waits until the server answers from it. */
async function promote(ref: ArtifactRef, ...servers: TestServer[]): Promise<void> {
  await store.promote(ref, { by: 'somebody' });
  for (const server of servers) await answersFrom(ref.id, server);
}

async function answersFrom(bundleId: string, server: TestServer): Promise<void> {
  await vi.waitFor(async () => {
    const ready = (await (await fetch(`${server.url}/readyz`)).json()) as { bundleId: string };
    expect(ready.bundleId).toBe(bundleId);
  }, patiently);
}

it('a bundle whose answers are empty is rolled back, with the figures, and the old one answers', async () => {
  await set('enabled: true');
  const server = await startTestServer(home);
  await askOften(server, 30);
  await promote(bad, server);
  expect((await server.ask({ userId: 'ada' })).items).toEqual([]);
  await askOften(server, 25);
  await answersFrom(home.bundleRef.id, server);
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

  // The bundle gone back to is not judged, and neither is the bad one when somebody wants it all the same.
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

it('of several processes one rolls back, and once', async () => {
  await set('enabled: true');
  const servers = [await startTestServer(home), await startTestServer(home)];
  await promote(bad, ...servers);
  await Promise.all(servers.map((server) => askOften(server, 25)));
  for (const server of servers) await answersFrom(home.bundleRef.id, server);
  const rollbacks = (await store.promotions()).filter(({ kind }) => kind === 'rollback');
  expect(rollbacks).toHaveLength(1);
});

it('a good bundle stays, and its trial ends', async () => {
  await set('enabled: true, windowMinutes: 0.05');
  const server = await startTestServer(home);
  await promote(good, server);
  const verdict = (): unknown => server.logLines.find((line) => 'verdict' in line);
  while (verdict() === undefined) await askOften(server, 5);
  expect(verdict()).toMatchObject({ bundleId: good.id, verdict: 'fine' });
  expect((await store.readRef('current'))!.id).toBe(good.id);
  expect(await server.metrics()).toContain('facet_serving_rollbacks_total 0');
});

it('what goes wrong with the bundle of an arm is not held against the one that is live', async () => {
  // Nobody's stored events become behaviors by such a rule: each of those requests fails.
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

it('what a person made current by a rollback is left alone', async () => {
  await set('enabled: true');
  await store.promote(bad);
  await store.promote(good);
  const server = await startTestServer(home);
  await store.rollback({ by: 'somebody' });
  await answersFrom(bad.id, server);
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

it.each(['', 'enabled: false'])('nothing happens unless they are on: {%s}', async (setting) => {
  await set(setting);
  const server = await startTestServer(home);
  await promote(bad, server);
  await askOften(server, 60);
  expect((await store.readRef('current'))!.id).toBe(bad.id);
  expect(await server.metrics()).toContain('facet_serving_rollbacks_total 0');
});

it('a misspelled setting keeps the process from starting', async () => {
  await set('enabeld: true');
  await expect(startTestServer(home)).rejects.toThrow(/guardrails\.enabeld/);
});
