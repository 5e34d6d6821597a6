import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef } from '@facet/artifacts';
import {
  bundleFiles,
  loadBundle,
  loadDelta,
  applyLiveCatalog,
  overlayDelta,
  putDelta,
  writeBundle,
} from '@facet/bundles';
import type { BundleView } from '@facet/bundles';
import { asOf, buildDeltaFromCatalog, bundleContents } from '@facet/bundles/testing';
import { ExposureWriter } from '@facet/exposures';
import { parseWith } from '@facet/platform';
import { respondWithRecommendations, renderResponse } from '@facet/recommendations';
import { ServingSettings } from '@facet/recommendations/settings';
import { buildFaissIndex } from '@facet/retrieval';
import { folderOfFile } from '@facet/testing';
import { beforeAll, expect, it } from 'vitest';
import { run } from './run.ts';

const home = folderOfFile();
const refs: Record<'live' | 'arm' | 'delta', ArtifactRef> = {} as never;
const now = asOf + 1000;

/** Records a response of `view` as the serving app does. */
async function record(recommendationId: string, view: BundleView, liveBundleId?: string): Promise<string[]> {
  const body = { behaviors: ['item1', 'item5', 'item12'], limit: 40, explain: true };
  const settings = parseWith(ServingSettings, {}, { source: 'settings' });
  const readProfile = async () => ({ profile: undefined, isAvailable: true });
  const arms = { test: 'other' };
  const response = await respondWithRecommendations(body, {
    bundle: view,
    readProfile,
    settings,
    recommendationId,
    now,
    arms,
  });
  const { bundleId, deltaId, source, items, position } = response;
  const writer = new ExposureWriter({ folder: join(home, 'exposures'), now: () => now });
  writer.append({
    ...{ recommendationId, respondedAt: now, bundleId, arms, source, merge: settings.merge, offset: position },
    ...(deltaId === undefined ? {} : { deltaId }),
    items: items.map(({ itemId }) => itemId),
    interests: items.map(({ interest }) => (interest === undefined ? null : interest - 1)),
    sampled: {
      request: { body, settings, overrides: {} },
      now,
      ...(liveBundleId === undefined ? {} : { liveBundleId }),
      response: renderResponse(response),
    },
  });
  await writer.close();
  return items.map(({ itemId }) => itemId);
}

const replay = async (...args: string[]) => {
  const { code, out } = await run(['recommendations', 'replay', ...args, '--home', home, '--json']);
  return { code, document: JSON.parse(out) as Record<string, unknown> };
};
const itemsOf = (document: Record<string, unknown>): string[] =>
  (document['response'] as { items: { itemId: string }[] }).items.map(({ itemId }) => itemId);

let shown: Record<'live' | 'arm', string[]>;
beforeAll(async () => {
  const store = createFolderArtifactStore(join(home, 'artifacts'));
  const put = (variant: 'facet' | 'mind') =>
    store.put(
      'bundle',
      async (folder) => {
        const contents = bundleContents(variant);
        await writeBundle(folder, contents);
        const { dim } = contents.info.index;
        const index = await buildFaissIndex(contents.vectors.subarray(dim), dim, { kind: 'flat' });
        await index.save(join(folder, bundleFiles.index));
        index.close();
      },
      {},
    );
  refs.live = await put('facet');
  refs.arm = await put('mind');
  const [live, arm] = [await loadBundle(store, refs.live), await loadBundle(store, refs.arm)];
  const catalog = bundleContents()
    .items.slice(1)
    .map((item) => (item.itemId === 'item30' ? { ...item, available: false } : item));
  refs.delta = await putDelta(store, buildDeltaFromCatalog(live, catalog));
  const view = await overlayDelta(live, await loadDelta(store, refs.delta));
  shown = {
    live: await record('of-live', view),
    arm: await record('of-arm', await applyLiveCatalog(arm, view), live.id),
  };
  for (const one of [view, live, arm]) one.close();
});

it('replays the response of an arm byte for byte, with the items available then', async () => {
  expect(shown.arm).not.toContain('item30');
  expect(shown.arm).not.toEqual(shown.live);
  for (const id of ['of-live', 'of-arm']) {
    expect(await replay(id)).toMatchObject({ code: 0, document: { isSame: true, recommendationId: id } });
  }
});

it('replays with another bundle and the items available then', async () => {
  const offeredBy = { bundleId: refs.live.id, deltaId: refs.delta.id };
  for (const [id, other, expected] of [
    ['of-live', refs.arm, 'arm'],
    ['of-arm', refs.live, 'live'],
  ] as const) {
    const { code, document } = await replay(id, '--bundle', other.id);
    expect({ code, document }).toMatchObject({ code: 0, document: { after: other.id, offeredBy } });
    expect(itemsOf(document)).toEqual(shown[expected]);
  }
  const { out } = await run(['recommendations', 'replay', 'of-live', '--bundle', refs.arm.id, '--home', home]);
  expect(out).toMatch(/Available items are those of bundle \w{12} with delta \w{12} at the time of the response\./);
});

it('replays with another bundle when the live bundle was deleted', async () => {
  const ask = (id: string) => replay(id, '--bundle', refs.arm.id);
  await rm(join(home, 'artifacts', 'delta', refs.delta.id), { recursive: true });
  expect(await replay('of-live')).toMatchObject({ document: { error: { code: 'REPLAY_BUNDLE_GONE' } } });
  const withoutDelta = await ask('of-live');
  expect(withoutDelta.document).toMatchObject({ offeredBy: { bundleId: refs.live.id } });
  expect(itemsOf(withoutDelta.document)).toContain('item30');
  await rm(join(home, 'artifacts', 'bundle', refs.live.id), { recursive: true });
  expect((await ask('of-live')).document).toMatchObject({ offeredBy: { bundleId: refs.arm.id } });
  const { out } = await run(['recommendations', 'replay', 'of-arm', '--bundle', refs.arm.id, '--home', home]);
  expect(out).toMatch(/was deleted\. Available items are those of bundle \w{12} at its build\./);
});
