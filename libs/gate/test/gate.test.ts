import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '@facet/artifacts';
import { AppError, isAppError } from '@facet/platform';
import { beforeAll, describe, expect, it } from 'vitest';
import { gateCheckNames, homePaths } from '@facet/config';
import { createStageContext } from '@facet/stages';
import { gateStage } from '../src/gate-stage.ts';
import { readGateReport } from '../src/gate-report.ts';
import { runGate } from '../src/run-gate.ts';
import type { HomePaths } from '@facet/config';
import { folderOfFile } from '@facet/testing';
import type { Dataset } from '@facet/stages';
import type { GateReport } from '../src/gate-report.ts';
import {
  collapsedWeights,
  dayOf,
  ignorantWeights,
  putThemedBundle,
  putThemedDataset,
  shuffledSince,
  themedConfig,
  themedEvents,
  themedItems,
} from '@facet/stages/testing';

const folder = folderOfFile();
let home: HomePaths;
let store: ArtifactStore;
let yesterday: Dataset;
let today: Dataset;
let incumbentId: string;
let candidateId: string;

beforeAll(async () => {
  home = homePaths(folder);
  ({ store } = createStageContext(home, themedConfig()));
  yesterday = await putThemedDataset(store, 29);
  today = await putThemedDataset(store, 30);
  incumbentId = await putThemedBundle(store, yesterday);
  candidateId = await putThemedBundle(store, today);
});

async function gate(
  ids: { readonly dataset?: Dataset; readonly bundleId?: string; readonly incumbentId?: string | undefined },
  settings: Record<string, unknown> = {},
): Promise<GateReport> {
  const { dataset = today, bundleId = candidateId, ...rest } = ids;
  const context = createStageContext(home, themedConfig({ gate: settings }));
  return (await gateStage(context, { datasetId: dataset.id, bundleId, ...rest })).output;
}

const failedOf = ({ checks }: GateReport): string[] => checks.flatMap(({ name, passed }) => (passed ? [] : [name]));

describe('gateStage', () => {
  it('passes a candidate that equals the incumbent, with the metrics of both on the same window', async () => {
    const report = await gate({ incumbentId });
    expect(report).toMatchObject({ bundleId: candidateId, incumbentId, verdict: 'pass', reasons: [] });
    expect(report.window).toMatchObject({ from: dayOf(29), before: dayOf(30) });
    expect(report.window.users).toBeGreaterThan(40);
    expect(report.checks.map(({ name }) => name)).toEqual([
      'data age',
      'users',
      'hitRate@50 new',
      'ndcg@50 new',
      'hitRate@50 all',
      'ndcg@50 all',
      'popularity',
      'personal',
      'coverage@50',
      'interest cosine',
      'effective interests',
      'index recall',
      'latency',
      'size',
      'new items',
      'lost items',
      'overlap@50',
    ]);
    for (const { name, value, threshold, sentence } of report.checks) {
      expect(Number.isFinite(value) && Number.isFinite(threshold), name).toBe(true);
      expect(sentence, name).toMatch(/^[A-Z0-9].*\.$/);
    }
  });

  it('returns the stored report to a retried stage, and stores it by bundle id', async () => {
    const context = createStageContext(home, themedConfig());
    const ids = { datasetId: today.id, bundleId: candidateId, incumbentId };
    const first = await gateStage(context, ids);
    const again = await gateStage(context, ids);
    expect(again).toEqual({ output: first.output, isReused: true });
    expect(await readGateReport(home.gatesFolder, candidateId)).toEqual(first.output);
    expect(await readGateReport(home.gatesFolder, '0'.repeat(32))).toBeUndefined();
  });

  it('rejects a worse candidate with reasons, and keeps it', async () => {
    const bundleId = await putThemedBundle(store, today, ignorantWeights);
    const report = await gate({ bundleId, incumbentId });
    expect(report.verdict).toBe('reject');
    expect(failedOf(report)).toEqual(expect.arrayContaining(['ndcg@50 new', 'hitRate@50 all', 'personal']));
    expect(report.reasons.join(' ')).toMatch(/NDCG@50 on items new to the user is .* significantly worse/);
    await store.open({ kind: 'bundle', id: bundleId });
    expect((await readGateReport(home.gatesFolder, bundleId))?.verdict).toBe('reject');
  });

  it('judges a first bundle without an incumbent: passes one that has learned users, rejects one that has not', async () => {
    const good = await gate({});
    expect(good).toMatchObject({ incumbentId: null, verdict: 'pass' });
    expect(good.checks.map(({ name }) => name)).toEqual([
      'users',
      'popularity',
      'personal',
      'coverage@50',
      'interest cosine',
      'effective interests',
      'index recall',
      'latency',
    ]);
    expect(good.checks.every(({ incumbent }) => incumbent === null)).toBe(true);
    const bad = await gate({ bundleId: await putThemedBundle(store, today, ignorantWeights) });
    expect(failedOf(bad)).toContain('personal');
    expect(bad.reasons.join(' ')).toContain('within chance');
  });

  it('rejects collapsed interests', async () => {
    const report = await gate({ bundleId: await putThemedBundle(store, today, collapsedWeights), incumbentId });
    expect(failedOf(report)).toEqual(expect.arrayContaining(['interest cosine', 'effective interests']));
  });

  it('treats an incumbent that cannot be loaded as none, and reports it', async () => {
    const broken = await putThemedBundle(store, yesterday, ignorantWeights);
    await appendFile(join(home.artifactsFolder, 'bundle', broken, 'golden.json'), '\n');
    const report = await gate({ incumbentId: broken });
    expect(report).toMatchObject({ verdict: 'pass', incumbentId: broken });
    expect(report.incumbentProblem).toMatch(/golden\.json/);
    const gone = await gate({ incumbentId: 'f'.repeat(32) });
    expect(gone.incumbentProblem).toMatch(/no bundle f/);
  });

  it.each(['bundle', 'dataset'])('fails if the store refuses to read the %s of the incumbent', async (kind) => {
    const refused = new AppError('Access is denied.', { code: 'S3_REFUSED', category: 'unavailable' });
    const refusing: ArtifactStore = {
      ...store,
      open: async (ref, options) => {
        if (ref.kind === kind && [incumbentId, yesterday.id].includes(ref.id)) throw refused;
        return store.open(ref, options);
      },
    };
    const { gate: settings } = themedConfig();
    const options = { store: refusing, dataset: today, bundleId: candidateId, incumbentId, settings, tieSeed: 1 };
    await expect(runGate(options)).rejects.toBe(refused);
  });

  it('fails on a candidate that cannot be loaded', async () => {
    const error: unknown = await gate({ bundleId: 'e'.repeat(32), incumbentId }).catch((thrown: unknown) => thrown);
    expect(isAppError(error, 'ARTIFACT_NOT_FOUND')).toBe(true);
  });

  it('rejects a candidate with older data than the incumbent, for this reason alone', async () => {
    const report = await gate({ dataset: yesterday, bundleId: incumbentId, incumbentId: candidateId });
    expect(failedOf(report)).toEqual(['data age']);
    expect(report.reasons).toEqual([expect.stringMatching(/ends at .*, before the data of the incumbent /)]);
    const allowed = await gate(
      { dataset: yesterday, bundleId: incumbentId, incumbentId: candidateId },
      { ignore: ['data-age'], usersMin: 1 },
    );
    expect(failedOf(allowed)).not.toContain('data age');
  });

  it('makes no checks of the current bundle', async () => {
    const report = await gate({ incumbentId: candidateId });
    expect(report).toMatchObject({ verdict: 'pass', checks: [], notes: ['The bundle is already current.'] });
  });

  it('leaves out days that the incumbent was trained on', async () => {
    const wide = await putThemedDataset(store, 30, { testDays: 5 });
    const report = await gate({ dataset: wide, bundleId: await putThemedBundle(store, wide), incumbentId });
    expect(report.window).toMatchObject({ from: dayOf(28), before: dayOf(30) });
  });

  it('rejects a catalog with many lost items', async () => {
    const items = themedItems.map((item, position) => (position % 3 === 0 ? { ...item, available: false } : item));
    const dataset = await putThemedDataset(store, 30, { items });
    const report = await gate({ dataset, bundleId: await putThemedBundle(store, dataset), incumbentId });
    expect(failedOf(report)).toEqual(['lost items']);
    expect(report.reasons[0]).toContain(
      "80 of the incumbent's 240 available items are missing or unavailable (33.3 %)",
    );
  });

  it('lets the incumbent rank new items by their side features', async () => {
    const items = [...themedItems, { itemId: 'novelty', title: 'A novelty', attributes: { theme: 'theme3' } }];
    const dataset = await putThemedDataset(store, 30, { items });
    const report = await gate({ dataset, bundleId: await putThemedBundle(store, dataset), incumbentId });
    expect(report.verdict).toBe('pass');
    expect(report.checks.find(({ name }) => name === 'new items')?.value).toBeCloseTo(1 / 241, 9);
  });

  it('passes a small catalog with an item that is not a candidate', async () => {
    const later = { itemId: 'later', attributes: { theme: 'theme3', createdAt: '2100-01-01' } };
    const items = [...themedItems.slice(0, 36), later];
    const itemIds = new Set(items.map(({ itemId }) => itemId));
    const events = themedEvents(30).filter(({ itemId }) => itemIds.has(itemId));
    const dataset = await putThemedDataset(store, 30, { items, events });
    const report = await gate({ dataset, bundleId: await putThemedBundle(store, dataset) }, { usersMin: 1 });
    const coverage = report.checks.find(({ name }) => name === 'coverage@50');
    expect(coverage).toMatchObject({ value: 36 / 37, threshold: 36 / 37, passed: true });
  });

  it('reports too few users', async () => {
    const report = await gate({ incumbentId }, { usersMin: 1000 });
    expect(failedOf(report)).toEqual(['users']);
    expect(report.reasons[0]).toContain('at least 1000 are required');
  });

  it('evaluates a seeded sample of many users', async () => {
    const { gate: settings } = themedConfig();
    const options = { store, dataset: today, bundleId: candidateId, incumbentId, settings, tieSeed: 1 };
    const report = await runGate({ ...options, usersMax: 30 });
    expect(report.window.users).toBe(30);
    expect(report.checks.find(({ name }) => name === 'ndcg@50 new')?.difference).toBeDefined();
  });

  it('lets every check be turned off', async () => {
    const bundleId = await putThemedBundle(store, today, ignorantWeights);
    const report = await gate({ bundleId, incumbentId }, { ignore: gateCheckNames });
    expect(report.checks.map(({ name }) => name)).toEqual(['users']);
    expect(report.verdict).toBe('pass');
  });

  it('rejects less with relaxed thresholds, and more with strict ones', async () => {
    const items = themedItems.map((item, position) => (position % 6 === 0 ? { ...item, available: false } : item));
    const dataset = await putThemedDataset(store, 30, { items });
    const bundleId = await putThemedBundle(store, dataset);
    const strict = await gate({ dataset, bundleId, incumbentId }, { strictness: 'strict' });
    expect(failedOf(strict)).toContain('lost items');
    const normal = await gate({ dataset, bundleId, incumbentId });
    expect(failedOf(normal)).toEqual([]);
  });

  it('stops between two steps when aborted', async () => {
    const stop = new AbortController();
    const context = createStageContext(home, themedConfig({ gate: { usersMin: 19 } }));
    const ids = { datasetId: today.id, bundleId: candidateId, incumbentId };
    const steps: string[] = [];
    const stage = gateStage(context, ids, {
      signal: stop.signal,
      onProgress: ({ detail }) => {
        steps.push(detail);
        if (detail === 'the incumbent') stop.abort(new Error('enough'));
      },
    });
    await expect(stage).rejects.toThrow('enough');
    expect(steps).toEqual(['popularity', 'the candidate', 'the incumbent']);
  });
});

describe('mixed-up data', () => {
  /** The newest day with shuffled items, in a window of one day and in a window with five sound days. */
  it.each([
    [1, 'personal'],
    [6, 'personal, newest day'],
  ])(
    'is rejected in a window of %i days, although the model is unchanged',
    { tags: 'full' },
    async (testDays, check) => {
      const events = shuffledSince(themedEvents(30), dayOf(29));
      const dataset = await putThemedDataset(store, 30, { testDays, events });
      const before = await putThemedDataset(store, 29, { testDays });
      const bundleId = await putThemedBundle(store, dataset);
      const report = await gate({ dataset, bundleId, incumbentId: await putThemedBundle(store, before) });
      expect(report.verdict).toBe('reject');
      expect(failedOf(report)).toContain(check);
      expect(report.reasons.join(' ')).toContain('The newest data may mix up users and items');
      const first = await gate({ dataset, bundleId });
      expect(failedOf(first)).toContain(check);
    },
  );

  it('is also detected by the drop of the incumbent below its recorded metrics', { tags: 'full' }, async () => {
    const recorded = (await gate({ incumbentId })).checks;
    const metrics = Object.fromEntries(
      recorded.flatMap(({ name, incumbent }) => {
        const [metric, task] = name.split(' ');
        return task === 'new' && incumbent !== null ? [[`new.${metric!}`, incumbent]] : [];
      }),
    );
    expect(Object.keys(metrics)).toEqual(['new.hitRate@50', 'new.ndcg@50']);
    const known = await putThemedBundle(store, yesterday, undefined, metrics);
    expect(failedOf(await gate({ incumbentId: known }))).toEqual([]);
    const dataset = await putThemedDataset(store, 30, { events: shuffledSince(themedEvents(30), dayOf(29)) });
    const report = await gate({ dataset, bundleId: await putThemedBundle(store, dataset), incumbentId: known });
    expect(failedOf(report)).toContain('incumbent, as recorded');
    expect(report.reasons.join(' ')).toContain('The newest data may differ from all earlier data');
    await rm(join(home.artifactsFolder, 'bundle', known), { recursive: true });
  });

  it('is not detected in sound data: nine sound days in a row pass', { tags: 'full' }, async () => {
    let current = incumbentId;
    for (let days = 30; days < 39; days++) {
      const dataset = await putThemedDataset(store, days);
      const bundleId = await putThemedBundle(store, dataset);
      const report = await gate({ dataset, bundleId, incumbentId: current });
      expect(report.reasons).toEqual([]);
      current = bundleId;
    }
  });
});
