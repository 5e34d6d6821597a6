import { appendFile, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { findFreePorts } from '@facet/local-services';
import { dayMs } from '@facet/platform';
import { forTest } from '@facet/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { StoredTrial } from '../src/guardrails/trial-file.ts';
import { createHome, films, putBundle } from './fixtures.ts';
import type { Home } from './fixtures.ts';
import { startTestServer } from './test-server.ts';
import type { TestServer } from './test-server.ts';

let home: Home;
let store: ArtifactStore;
let bad: ArtifactRef;
let good: ArtifactRef;
beforeEach(async () => {
  home = forTest(await createHome());
  store = createFolderArtifactStore(home.artifactsFolder);
  // No item is available, so every response is empty.
  bad = await putBundle(home, { items: films.map((film) => ({ ...film, available: false })) });
  good = await putBundle(home, { seed: 12 });
});

/** Ignores response times, which depend on the machine. */
const set = (guardrails: string): Promise<void> =>
  writeFile(join(home.folder, 'facet.yaml'), `guardrails: { requestsMin: 20, ignore: [p99Ms], ${guardrails} }\n`);
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

it('keeps a good bundle, and ends its trial', { tags: 'full' }, async () => {
  await set('enabled: true, windowMinutes: 0.05');
  const server = await startTestServer(home);
  await promote(good, server);
  const verdict = (): unknown => server.logLines.find((line) => 'verdict' in line);
  while (verdict() === undefined) await askOften(server, 5);
  expect(verdict()).toMatchObject({ bundleId: good.id, verdict: 'fine' });
  expect((await store.readRef('current'))!.id).toBe(good.id);
  expect(await server.metrics()).toContain('facet_serving_rollbacks_total 0');
});

it('does not count failures of an arm bundle against the live bundle', { tags: 'full' }, async () => {
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

it('rolls back by default', async () => {
  await set('windowMinutes: 15');
  const server = await startTestServer(home);
  await promote(bad, server);
  await askOften(server, 25);
  await waitForBundle(home.bundleRef.id, server);
});

it('does nothing when disabled', async () => {
  await set('enabled: false');
  const server = await startTestServer(home);
  await promote(bad, server);
  await askOften(server, 60);
  expect((await store.readRef('current'))!.id).toBe(bad.id);
  expect(await server.metrics()).toContain('facet_serving_rollbacks_total 0');
});

it('rolls a bundle back whose lists have nothing in common with those of the previous bundle', async () => {
  await set('enabled: true');
  const server = await startTestServer(home);
  for (let request = 0; request < 12; request++) {
    await server.ask({ behaviors: [`film-${4 * request}`] });
    // Later requests are not kept for comparisons.
    await sleep(110);
  }
  await promote(bad, server);
  await waitForBundle(home.bundleRef.id, server);
  expect((await store.promotions()).at(-1)).toMatchObject({
    kind: 'rollback',
    reason: expect.stringMatching(/^changedShare 1 \(at most 0\.9\) of 1[0-5] compared requests$/) as string,
  });
});

describe('after a restart during a trial', () => {
  const trialsFolder = (): string => join(home.folder, 'trials');
  const trialFiles = (): Promise<string[]> => readdir(trialsFolder());
  const continued = ({ logLines }: TestServer): unknown =>
    logLines.find(({ msg }) => msg === 'continuing the trial of the bundle');
  let port: number;
  beforeEach(async () => {
    [port = 0] = await findFreePorts(1);
  });

  /** Ends a process after 12 of the 20 requests that a verdict needs. */
  async function endWithin(ref: ArtifactRef): Promise<void> {
    const server = await startTestServer(home, { port });
    await askOften(server, 30);
    await promote(ref, server);
    await askOften(server, 12);
    await server.close();
  }

  it('counts the requests of both processes, with the figures of the previous bundle', async () => {
    await set('enabled: true');
    await endWithin(bad);
    expect(await trialFiles()).toHaveLength(1);
    const server = await startTestServer(home, { port });
    expect(continued(server)).toMatchObject({ bundleId: bad.id, requests: 12 });
    await askOften(server, 8);
    await waitForBundle(home.bundleRef.id, server);
    // Of the requests before the swap, not of those before the restart.
    expect((await store.promotions()).at(-1)!.reason).toMatch(
      /^emptyShare 1 \(at most 0\.02, 0 before\) of \d+ requests$/,
    );
  });

  it('does not mix up the trials of several processes', { tags: 'full' }, async () => {
    await set('enabled: true');
    const other = await startTestServer(home);
    await promote(good, other);
    await askOften(other, 15);
    await endWithin(good);
    const server = await startTestServer(home, { port });
    // This process began with the bundle, after the other one. It has the start of the other trial, and its own requests.
    expect(continued(server)).toMatchObject({ bundleId: good.id, requests: 12 + 30 });
    expect(await trialFiles()).toHaveLength(2);
  });

  it(
    'a process with another name continues the trial without the requests of the ended one',
    { tags: 'full' },
    async () => {
      await set('enabled: true');
      await endWithin(bad);
      const server = await startTestServer(home);
      expect(continued(server)).toMatchObject({ bundleId: bad.id, requests: 0 });
      await askOften(server, 25);
      await waitForBundle(home.bundleRef.id, server);
    },
  );

  it('ends the trial when its time has passed, or another bundle is current', { tags: 'full' }, async () => {
    await set('enabled: true, windowMinutes: 0.02');
    await endWithin(good);
    await sleep(1_300);
    const late = await startTestServer(home, { port });
    expect(continued(late)).toBeUndefined();
    expect(await trialFiles()).toEqual([]);
    await late.close();

    await set('enabled: true');
    await endWithin(bad);
    await store.promote(home.bundleRef);
    const server = await startTestServer(home, { port });
    expect(continued(server)).toBeUndefined();
    expect(await trialFiles()).toEqual([]);
  });

  it('warns of a damaged file, deletes it, and serves without a trial', async () => {
    await set('enabled: true');
    await endWithin(bad);
    const [name = ''] = await trialFiles();
    const path = join(trialsFolder(), name);
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, -20));
    const server = await startTestServer(home, { port });
    expect(server.logLines).toContainEqual(
      expect.objectContaining({ path, msg: 'the file of the trial is damaged: deleting it' }),
    );
    expect(await trialFiles()).toEqual([]);
    await askOften(server, 25);
    expect((await store.readRef('current'))!.id).toBe(bad.id);
  });

  it('a killed process loses only the last seconds', { tags: 'full' }, async () => {
    await set('enabled: true');
    const server = await startTestServer(home, { port });
    await promote(bad, server);
    await askOften(server, 12);
    const requestsOfFile = async (): Promise<number> => {
      const [name = ''] = (await trialFiles()).filter((one) => one.endsWith('.json'));
      const { counts } = JSON.parse(await readFile(join(trialsFolder(), name), 'utf8')) as StoredTrial;
      return counts.responses;
    };
    await vi.waitFor(async () => expect(await requestsOfFile()).toBe(12), patiently);
  });

  it('rolls back although it cannot store the trial', { tags: 'full' }, async () => {
    await set('enabled: true');
    // Not a folder.
    await writeFile(trialsFolder(), '');
    const server = await startTestServer(home, { port });
    await promote(bad, server);
    await askOften(server, 25);
    await waitForBundle(home.bundleRef.id, server);
    const warnings = server.logLines.filter(({ msg }) => String(msg).startsWith('cannot store the trial'));
    expect(warnings).toHaveLength(1);
  });

  it('deletes files that processes left days ago', { tags: 'full' }, async () => {
    await set('enabled: true');
    await endWithin(good);
    const [name = ''] = await trialFiles();
    const trial = JSON.parse(await readFile(join(trialsFolder(), name), 'utf8')) as StoredTrial;
    const left = join(trialsFolder(), 'pod-1.json');
    await writeFile(left, JSON.stringify({ ...trial, startedAt: trial.startedAt - 3 * dayMs }));
    await rm(join(trialsFolder(), name));
    // Killed while it wrote, days ago and just now.
    const [incomplete, current] = ['pod-1.json.a.tmp', 'pod-2.json.b.tmp'];
    for (const file of [incomplete, current]) await writeFile(join(trialsFolder(), file), '{');
    const days = (Date.now() - 3 * dayMs) / 1_000;
    await utimes(join(trialsFolder(), incomplete), days, days);
    const server = await startTestServer(home, { port });
    expect(continued(server)).toBeUndefined();
    expect(await trialFiles()).toEqual([current]);
  });
});

it('refuses to start with a misspelled setting', async () => {
  await set('enabeld: true');
  await expect(startTestServer(home)).rejects.toThrow(/guardrails\.enabeld/);
});
