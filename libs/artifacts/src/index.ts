export type { ArtifactRef, ArtifactStore, OpenArtifact } from './artifact-store.ts';
export { hashFile } from './disk/files.ts';
export { createFolderArtifactStore } from './folder-artifact-store.ts';
export { readJsonLines, writeJsonLines } from './formats/json-lines.ts';
export { encodeSafetensors, readSafetensors, viewSafetensors, writeSafetensors } from './formats/safetensors.ts';
export type { SafeTensor, Safetensors } from './formats/safetensors.ts';
export { changesCurrent } from './promotions/promotion-record.ts';
export type { PromotionRecord } from './promotions/promotion-record.ts';
