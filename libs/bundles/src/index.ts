/*
 * Writes and loads bundles and deltas, the files that serving responds from, and compiles filters of their items.
 * Start with `writeBundle`, `loadBundle` and `compileFilter`.
 * Imports no `@facet/lake` and no `@facet/tf-graph`: serving needs neither events nor TensorFlow.
 */
export { bundleFiles, bundleFormat, BundleInfo } from './bundle/bundle-info.ts';
export type { BundleView } from './bundle/bundle-info.ts';
export {
  bundleWeights,
  loadBundle,
  loadBundleItems,
  neverSeen,
  readBundleInfo,
  readWeights,
  writeBundle,
  writeWeights,
} from './bundle/bundle.ts';
export type { Bundle, BundleContents, BundleItems } from './bundle/bundle.ts';
export { goldenBehaviors, GoldenVector, largestDifference, recordGoldenVector } from './bundle/golden-vectors.ts';
export { awaitsInteractions, buildDelta, embedNewItems, launchTables } from './delta/build-delta.ts';
export { applyLiveCatalog, overlayDelta } from './delta/overlay-delta.ts';
export type { NewInteractions } from './delta/build-delta.ts';
export { compareCatalog, DeltaInfo, loadDelta, putDelta, readDeltaInfo } from './delta/delta.ts';
export type { CatalogDifference, Delta, DeltaContents } from './delta/delta.ts';
export { AttributeFilter } from './filters/attribute-filter.ts';
export { compileFilter, createLruCache, findUnknownAttributes, intersectAllowed } from './filters/compile-filter.ts';
export type { FilteredItems } from './filters/compile-filter.ts';
export { labelGroups } from './filters/label-items.ts';
export { AttributeType, codeOf } from './items/attribute-columns.ts';
export type { AttributeColumn } from './items/attribute-columns.ts';
export { createdDay, createdDays, createdTime, featureAttributes, itemsOf, wasListed } from './items/item-catalog.ts';
export type { CatalogItem } from './items/item-catalog.ts';
export { noPopularLists } from './popularity/popular-lists.ts';
export type { PopularList, PopularLists, Segment } from './popularity/popular-lists.ts';
