import { join } from 'node:path';
import { hashFile, syncPath, writeFileAtomically } from '@facet/platform';
import { corrupt, invalid } from './artifact-errors.ts';
import type { ArtifactRef } from './artifact-store.ts';
import { listFolder } from './disk/files.ts';
import { artifactId, formatManifest, parseManifest } from './manifest.ts';
import type { ArtifactManifest, ArtifactMetadata, ManifestFile } from './manifest.ts';

export const manifestName = 'manifest.json';
export const redactionsName = 'redactions.json';

/** The files of an artifact and the text of its manifest. */
export interface SealedArtifact {
  readonly ref: ArtifactRef;
  readonly manifestText: string;
  readonly files: readonly ManifestFile[];
}

/** Hashes and syncs the staged files of an artifact and adds the manifest. */
export async function sealArtifact(kind: string, staged: string, metadata: ArtifactMetadata): Promise<SealedArtifact> {
  const listed = await listFolder(staged);
  const reserved = [manifestName, redactionsName].find((name) => listed.files.includes(name));
  if (reserved !== undefined) {
    throw invalid(`The store reserves the file name ${reserved}.`, 'Choose another file name.');
  }
  const files: ManifestFile[] = [];
  for (const path of listed.files) {
    files.push({ path, ...(await hashFile(join(staged, path))) });
    await syncPath(join(staged, path));
  }
  const manifestText = formatManifest({ formatVersion: 1, kind, files, metadata });
  await writeFileAtomically(join(staged, manifestName), [manifestText]);
  for (const folder of listed.folders) await syncPath(folder);
  return { ref: { kind, id: artifactId(manifestText) }, manifestText, files };
}

/** Returns the manifest of an artifact. @throws AppError `ARTIFACT_CORRUPT` for the text of another one. */
export function manifestOf(ref: ArtifactRef, text: string, source: string): ArtifactManifest {
  if (artifactId(text) !== ref.id) throw corrupt(ref, manifestName, 'has been altered');
  const manifest = parseManifest(text, source);
  if (manifest.kind !== ref.kind) throw corrupt(ref, manifestName, `belongs to a ${manifest.kind}`);
  return manifest;
}
