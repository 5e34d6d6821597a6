export { bundleFiles, bundleFormat, BundleInfo } from './bundle/bundle-info.ts';
export type { BundleView } from './bundle/bundle-view.ts';
export {
  bundleWeights,
  loadBundle,
  loadBundleFacts,
  neverSeen,
  readBundleInfo,
  tensorsToWeights,
  weightsToTensors,
  writeBundle,
} from './bundle/bundle.ts';
export type { Bundle, BundleContents } from './bundle/bundle.ts';
export { GoldenVector, largestDifference, recordGoldenVector, rowsOf } from './bundle/golden-vectors.ts';
export { launchTables } from './delta/launch-tables.ts';
export { applyLiveCatalog } from './delta/apply-live-catalog.ts';
export { awaitsInteractions, buildDelta, buildDeltaOf, embedNewItems } from './delta/build-delta.ts';
export type { NewInteractions } from './delta/build-delta.ts';
export { compareCatalog } from './delta/compare-catalog.ts';
export type { CatalogDifference } from './delta/compare-catalog.ts';
export { DeltaInfo, loadDelta, putDelta, readDeltaInfo } from './delta/delta.ts';
export type { Delta } from './delta/delta.ts';
export { overlayDelta } from './delta/overlay-delta.ts';
export { AttributeCondition, AttributeFilter } from './filters/attribute-filter.ts';
export { compileFilter, findUnknownAttributes, intersectAllowed } from './filters/compile-filter.ts';
export type { FilteredItems } from './filters/compile-filter.ts';
export { labelItems } from './filters/label-items.ts';
export { codeOf } from './items/attribute-columns.ts';
export type { AttributeColumn } from './items/attribute-columns.ts';
export { createdDay, createdDays, createdTime } from './items/created-at.ts';
export { featureAttributes, itemsOf, wasListed } from './items/item-catalog.ts';
export type { CatalogItem } from './items/item-catalog.ts';
export { noPopularLists } from './popularity/popular-lists.ts';
export type { PopularList, PopularLists, Segment } from './popularity/popular-lists.ts';
