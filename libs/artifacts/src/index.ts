/*
 * Stores immutable artifacts and the promotion log, in a folder or on S3.
 * Start with `openArtifactStore`, `createFolderArtifactStore` and `useArtifact`.
 * Imports only `@facet/platform`: each lib that writes artifacts defines their content.
 */
export { artifactIdPattern, copiesFolderName, stagingFolderName } from './artifact-errors.ts';
export type { ArtifactRef } from './artifact-ref.ts';
export type { ArtifactStore, OpenArtifact } from './artifact-store.ts';
export { createFolderArtifactStore } from './folder-artifact-store.ts';
export {
  checkArtifactStore,
  moveArtifactsToS3,
  openArtifactStore,
  ifUsable,
  isUnusable,
  useArtifact,
} from './open-artifact-store.ts';
export { readJsonLines, writeJsonLines } from './formats/json-lines.ts';
export { encodeSafetensors, readSafetensors, viewSafetensors, writeSafetensors } from './formats/safetensors.ts';
export type { SafeTensor, Safetensors } from './formats/safetensors.ts';
export type { MovedArtifacts } from './s3/upload-artifacts.ts';
export { changesCurrent } from './promotions/promotion-log.ts';
export type { PromotionRecord } from './promotions/promotion-log.ts';
