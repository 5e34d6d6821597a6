import { createdDays } from '@facet/bundles';
import {
  buildPopularityTimeline,
  cacheDays,
  expectedFeaturesOn,
  learnLaunchCurves,
  readLaunches,
} from '@facet/features';
import type { Cut, LaunchCurves, PopularityTimeline } from '@facet/features';
import type { ModelData } from '../dataset/dataset.ts';
import { coldItemsOf } from '../model/embed-catalog.ts';
import type { KnownItems } from '../model/embed-catalog.ts';

/**
 * The inputs of scores that depend on the data before a cut but not on weights. All validations of all models share them. Each part is
 * computed at its first use.
 */
export interface CatalogAtCut {
  readonly timeline: () => PopularityTimeline;
  /** Returns the popularity features [N + 1, features] of a day; expected features for items without interactions. Do not change them. */
  readonly popularityOn: (day: number) => Float32Array;
  readonly knownItems: () => KnownItems;
  /** Frees the computed parts. Their next use computes them again. */
  release(): void;
}

/** The data of a catalog and its interactions. */
export type CatalogData = Pick<ModelData, 'sequences' | 'items' | 'itemFeatures' | 'vocabulary'>;

/** Sufficient for all days of a small catalog. For a large catalog, each validation computes most days from the cached curves. */
const cachedFeatures = { bytesMax: 2 ** 27, bytesOf: (features: Float32Array) => features.byteLength };
const cachedCurves = { bytesMax: 2 ** 26, bytesOf: curveBytes };

/** @param known [N + 1] 1 for an item with an interaction before the cut. */
export function catalogAtCut(data: CatalogData, cut: Cut, known: Uint8Array): CatalogAtCut {
  let parts = lazyParts(data, cut, known);
  return {
    timeline: () => parts.timeline(),
    popularityOn: (day) => parts.popularityOn(day),
    knownItems: () => parts.knownItems(),
    release() {
      parts = lazyParts(data, cut, known);
    },
  };
}

function lazyParts(data: CatalogData, cut: Cut, known: Uint8Array): Omit<CatalogAtCut, 'release'> {
  const { sequences, items, itemFeatures } = data;
  const timeline = once(() => buildPopularityTimeline(sequences, items.length - 1, cut));
  const launches = once(() => readLaunches(timeline(), { features: itemFeatures, createdOn: createdDays(items) }));
  const curvesOn = cacheDays((day) => learnLaunchCurves(launches(), day), cachedCurves);
  return {
    timeline,
    popularityOn: cacheDays((day) => expectedFeaturesOn(launches(), day, curvesOn), cachedFeatures),
    knownItems: once(() => ({ known, cold: coldItemsOf(data, known) })),
  };
}

function curveBytes(curves: LaunchCurves | undefined): number {
  const arrays = curves === undefined ? [] : [curves.byAge, ...Object.values(curves.byValue)];
  return arrays.reduce((bytes, { byteLength }) => bytes + byteLength, 0);
}

function once<Value extends object>(compute: () => Value): () => Value {
  let value: Value | undefined;
  return () => (value ??= compute());
}
