import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseExperiments, ExperimentsSettings } from '@facet/exposures';
import { parseWith } from '@facet/platform';
import { describe, expect, it } from 'vitest';
import { appOfFile, films, homeOfFile, putBundle } from './fixtures.ts';

const home = await homeOfFile();
const { id: otherId } = await putBundle(home, { seed: 12, items: films.slice(0, 50) });
const declared = [
  {
    name: 'order',
    arms: { control: {}, turns: { merge: { by: 'round-robin' } } },
    shadow: { other: { share: 0.1, bundle: otherId } },
  },
];
const experiments = parseExperiments(parseWith(ExperimentsSettings, declared, { source: 'experiments' }));
const server = await appOfFile(home, { experiments });

const preview = (body: object) => server.post('/v1/recommendations:preview', { userId: 'ada', limit: 10, ...body });
const get = async (url: string) => (await server.app.inject(url)).json() as Record<string, unknown>;
const idsOf = ({ body }: { body: Record<string, unknown> }) =>
  (body['items'] as { itemId: string }[]).map(({ itemId }) => itemId);

describe('a preview', () => {
  it('of the live bundle equals a recommendation', async () => {
    const body = { userId: 'ada', limit: 10, merge: { by: 'max' } };
    expect(idsOf(await preview({}))).toEqual(idsOf(await server.post('/v1/recommendations', body)));
  });

  it('of another bundle has its items, for the same stored behaviors', async () => {
    const response = await preview({ bundleId: otherId, explain: true });
    expect(response.statusCode).toBe(200);
    expect(response.body).toMatchObject({ bundleId: otherId, source: { kind: 'model' }, returned: 10 });
    expect(idsOf(response)).not.toEqual(idsOf(await preview({})));
  });

  it('of an arm has its bundle and settings, which the request overrides', async () => {
    const arm = (name: string) => ({ arm: { experiment: 'order', name } });
    const turns = await preview({ merge: { by: 'round-robin' } });
    expect(idsOf(await preview(arm('turns')))).toEqual(idsOf(turns));
    expect(idsOf(await preview({ ...arm('turns'), merge: { by: 'max' } }))).toEqual(idsOf(await preview({})));
    expect((await preview(arm('other'))).body).toMatchObject({ bundleId: otherId });
    expect(await preview(arm('none'))).toMatchObject({ statusCode: 400, body: { field: 'arm' } });
  });

  it('ignores fields that a preview does not have', async () => {
    const response = await preview({ pageSize: 'abc' });
    expect(response.body).not.toHaveProperty('nextCursor');
    expect(idsOf(response)).toEqual(idsOf(await preview({})));
  });

  it('of an unknown bundle is refused', async () => {
    expect(await preview({ bundleId: 'f'.repeat(32) })).toMatchObject({
      statusCode: 404,
      body: { code: 'ARTIFACT_NOT_FOUND' },
    });
  });

  it('keeps working while more bundles are previewed than are kept', async () => {
    const ids = [otherId];
    for (const seed of [21, 22, 23]) ids.push((await putBundle(home, { seed })).id);
    const responses = await Promise.all([...ids, ...ids].map((bundleId) => preview({ bundleId })));
    expect(responses.map(({ body }) => body['bundleId'])).toEqual([...ids, ...ids]);
  });
});

it('lists the declared arms', async () => {
  expect(await get('/v1/arms')).toEqual({
    arms: [
      { experiment: 'order', name: 'control', isShadow: false, isRunning: true },
      { experiment: 'order', name: 'turns', isShadow: false, isRunning: true },
      { experiment: 'order', name: 'other', isShadow: true, isRunning: true, bundleId: otherId },
    ],
  });
});

it('lists promotions with the newest first', async () => {
  expect(await get('/v1/promotions')).toMatchObject({ promotions: [{ number: 1, bundleId: home.bundleRef.id }] });
});

it('returns the stored report of the gate', async () => {
  const report = { formatVersion: 1, bundleId: otherId, incumbentId: null, incumbentProblem: null, datasetId: 'd' };
  const checks = [{ name: 'users', value: 5, incumbent: null, threshold: 20, passed: false, sentence: 'Too few.' }];
  const rest = {
    window: { from: 1, before: 2, users: 5 },
    verdict: 'reject',
    reasons: ['Too few.'],
    notes: [],
    checks,
  };
  await mkdir(join(home.folder, 'gates'), { recursive: true });
  await writeFile(join(home.folder, 'gates', `${otherId}.json`), JSON.stringify({ ...report, ...rest }));
  expect(await get(`/v1/bundles/${otherId}/gate`)).toEqual({
    state: 'finished',
    progress: 1,
    report: { ...report, ...rest },
  });
  expect(await get(`/v1/bundles/${home.bundleRef.id}/gate`)).toEqual({ state: 'none', progress: 0 });
});

it('refuses a comparison without a dataset, and says what to do', async () => {
  const ask = () => server.post('/v1/comparisons', { before: {}, after: { bundleId: otherId } });
  let response = await ask();
  // A busy machine may need more than five seconds to start the thread.
  while (response.body['state'] === 'running') response = await ask();
  expect(response).toMatchObject({ statusCode: 409, body: { code: 'COMPARISON_NO_DATASET' } });
  expect(response.body['remedy']).toContain('artifacts.keep');
});
