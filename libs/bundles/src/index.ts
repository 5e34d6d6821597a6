export {
  bundleWeights,
  loadBundle,
  loadBundleFacts,
  readBundleInfo,
  tensorsToWeights,
  weightsToTensors,
  writeBundle,
} from './bundle.ts';
export type { Bundle, BundleContents, BundleFacts } from './bundle.ts';
export { bundleFiles, bundleFormat, BundleInfo } from './bundle-info.ts';
export type { BundleView } from './bundle-view.ts';
export { featureAttributes } from './catalog-item.ts';
export type { CatalogItem } from './catalog-item.ts';
export { buildDelta } from './delta/build-delta.ts';
export { DeltaInfo, loadDelta, putDelta, readDeltaInfo } from './delta/delta.ts';
export type { Delta, DeltaContents } from './delta/delta.ts';
export { offerAsLive } from './delta/offer-as-live.ts';
export type { LiveItems } from './delta/offer-as-live.ts';
export { overlayDelta } from './delta/overlay-delta.ts';
export { embedBySideFeatures } from './embed-by-side-features.ts';
export { AttributeCondition, AttributeFilter, FilterValue } from './filters/attribute-filter.ts';
export { compileFilter, intersectAllowed } from './filters/compile-filter.ts';
export type { FilteredItems } from './filters/compile-filter.ts';
export { labelItems } from './filters/label-items.ts';
export type { ItemLabel, LabelOptions } from './filters/label-items.ts';
export type { AttributeColumn } from './items/attribute-columns.ts';
export type { ItemBitmap } from './items/item-bitmap.ts';
export { encodeCatalog, itemsOf, openCatalog } from './items/item-catalog.ts';
export type { ItemCatalog } from './items/item-catalog.ts';
export { GoldenVector, recordGoldenVector, verifyGoldenVectors } from './golden-vectors.ts';
export type { Popular, PopularItems, PopularQuery } from './popularity/popular.ts';
export { noPopularLists } from './popularity/popular-lists.ts';
export type { PopularList, PopularLists, Segment } from './popularity/popular-lists.ts';
