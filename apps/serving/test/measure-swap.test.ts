import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import type { Bundle } from '@facet/bundles';
import { dayMs } from '@facet/platform';
import { forFile, forTest } from '@facet/testing';
import { expect, it } from 'vitest';
import { measureSwap } from '../src/guardrails/guardrails.ts';
import { createHome, films, putBundle } from './fixtures.ts';

const home = forFile(await createHome());
const bundle = forFile(await open(home.bundleRef));

function open(ref: ArtifactRef): Promise<Bundle> {
  return loadBundle(createFolderArtifactStore(home.artifactsFolder), ref);
}

const recent = Array.from({ length: 9 }, (_, film) => ({ itemIds: [`film-${film}`, `film-${2 * film}`], limit: 5 }));
/** The bundle has three golden users. */
const compared = 3 + recent.length;

it('finds no change between equal bundles, also when the data of one ends later', async () => {
  const later = { ...bundle, info: { ...bundle.info, asOf: bundle.info.asOf + 30 * dayMs } };
  for (const [previous, next] of [
    [bundle, bundle],
    [bundle, later],
    [later, bundle],
  ] as const) {
    const { interestCosine, ...figures } = await measureSwap(previous, next, recent);
    expect(figures).toEqual({ compared, changedShare: 0 });
    expect(interestCosine.after).toBe(interestCosine.before);
    expect(interestCosine.before).toBeGreaterThan(0);
    expect(interestCosine.before).toBeLessThan(0.999);
  }
});

it('counts all items as changed when the bundle recommends none', async () => {
  const empty = forTest(
    await open(await putBundle(home, { items: films.map((film) => ({ ...film, available: false })) })),
  );
  expect(await measureSwap(bundle, empty, recent)).toMatchObject({ compared, changedShare: 1 });
  // A previous bundle without items has nothing to compare.
  expect(await measureSwap(empty, bundle, recent)).toMatchObject({ compared: 0, changedShare: 0 });
});

it('stops when it takes too long', async () => {
  let ms = 0;
  expect(await measureSwap(bundle, bundle, recent, () => (ms += 500))).toMatchObject({ compared: 3 });
});
