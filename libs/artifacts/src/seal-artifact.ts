import { join } from 'node:path';
import { hashFile, syncPath, writeFileAtomically } from '@facet/platform';
import { invalid } from './artifact-errors.ts';
import type { ArtifactRef } from './artifact-store.ts';
import { listFolder } from './disk/files.ts';
import { artifactId, formatManifest } from './manifest.ts';
import type { ArtifactMetadata, ManifestFile } from './manifest.ts';

export const manifestName = 'manifest.json';
export const redactionsName = 'redactions.json';

/** Hashes and syncs the staged files of an artifact and adds the manifest. */
export async function sealArtifact(
  kind: string,
  staged: string,
  metadata: ArtifactMetadata,
): Promise<{ readonly ref: ArtifactRef; readonly manifestText: string; readonly files: readonly ManifestFile[] }> {
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
