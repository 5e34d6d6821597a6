export { bundleWeights, loadBundle, tensorsToWeights, weightsToTensors, writeBundle } from './bundle.ts';
export type { Bundle, BundleContents } from './bundle.ts';
export { bundleFiles, BundleInfo } from './bundle-info.ts';
export { featureAttributes } from './catalog-item.ts';
export type { CatalogItem } from './catalog-item.ts';
export { embedBySideFeatures } from './embed-by-side-features.ts';
export { GoldenVector, recordGoldenVector, verifyGoldenVectors } from './golden-vectors.ts';
export { describeUser, recommend } from './recommend.ts';
export type {
  Behavior,
  InterestBehavior,
  Recommendation,
  RecommendationRequest,
  RecommendationResult,
  RecommendationSource,
  UserInterest,
} from './recommend.ts';
