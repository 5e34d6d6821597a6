export type { ArtifactRef, ArtifactStore, ListedArtifact, OpenArtifact, PromotionDecision } from './artifact-store.ts';
export { hashFile } from './files.ts';
export { createFolderArtifactStore } from './folder-artifact-store.ts';
export { readJsonLines, writeJsonLines } from './json-lines.ts';
export type { ArtifactManifest, ArtifactMetadata, JsonValue, ManifestFile } from './manifest.ts';
export type { PromotionRecord, PromotionRun } from './promotion-record.ts';
export { readSafetensors, viewSafetensors, writeSafetensors } from './safetensors.ts';
export type { SafeTensor, Safetensors } from './safetensors.ts';
