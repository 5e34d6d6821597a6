import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { AppError, hashFile, parseJsonIfValid, syncPath, writeFileAtomically } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';
import { corrupt, invalid } from './artifact-errors.ts';
import type { ArtifactRef } from './artifact-ref.ts';
import { listFolder } from './disk/files.ts';

type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type ArtifactMetadata = { readonly [key: string]: JsonValue };

const ManifestFile = Type.Object({
  /** Relative to the folder of the artifact, with forward slashes. */
  path: Type.String({ minLength: 1 }),
  bytes: Type.Integer({ minimum: 0 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
});

export type ManifestFile = Readonly<Static<typeof ManifestFile>>;

/** The content of an artifact. Without times and host names, so equal content has an equal manifest. */
const Manifest = Type.Object({
  formatVersion: Type.Literal(1),
  kind: Type.String(),
  /** Sorted by path. */
  files: Type.Immutable(Type.Array(ManifestFile)),
  metadata: Type.Unsafe<ArtifactMetadata>(Type.Record(Type.String(), Type.Unknown())),
});

export type ArtifactManifest = Readonly<Static<typeof Manifest>>;

/**
 * Returns the canonical text of a manifest: sorted keys, two spaces of indentation, a final line feed. Its hash is the
 * id of the artifact.
 *
 * @throws AppError `ARTIFACT_INVALID` for metadata that JSON cannot represent.
 */
export function formatManifest(manifest: ArtifactManifest): string {
  return `${JSON.stringify(sortKeys(manifest, 'the manifest'), undefined, 2)}\n`;
}

/** Returns the first 128 bits of the SHA-256 in hex: enough against collisions, short enough for a log line. */
export function artifactId(manifestText: string): string {
  return createHash('sha256').update(manifestText).digest('hex').slice(0, 32);
}

const Redactions = Type.Array(ManifestFile);

/**
 * Parses the list of files that were changed after the artifact was stored.
 *
 * @throws AppError `ARTIFACT_CORRUPT` naming `source`.
 */
export function parseRedactions(text: string, source: string): readonly ManifestFile[] {
  const value = parseJsonIfValid(text);
  if (!Value.Check(Redactions, value)) throw corruptManifest(source, 'does not list files with their hashes');
  return value;
}

function corruptManifest(source: string, problem: string): AppError {
  return new AppError(`${source} ${problem}.`, {
    code: 'ARTIFACT_CORRUPT',
    category: 'artifact',
    remedy: 'Rebuild the artifact, or use another one.',
    context: { file: source },
  });
}

function sortKeys(value: JsonValue, where: string): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    throw notJson(where, value);
  }
  if (Array.isArray(value)) {
    return value.map((element: JsonValue, position) => sortKeys(element, `${where}[${position}]`));
  }
  if (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, element]) => [key, sortKeys(element, `${where}.${key}`)]));
  }
  throw notJson(where, value);
}

function notJson(where: string, value: unknown): AppError {
  return new AppError(`${where} is ${String(value)}, which JSON cannot represent.`, {
    code: 'ARTIFACT_INVALID',
    category: 'artifact',
    remedy: 'Use only text, finite numbers, booleans, null, arrays and plain objects in the metadata.',
    context: { where },
  });
}

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
  const manifest = parseJsonIfValid(text);
  if (!Value.Check(Manifest, manifest)) throw corruptManifest(source, 'does not have the fields of a manifest');
  if (manifest.kind !== ref.kind) throw corrupt(ref, manifestName, `belongs to a ${manifest.kind}`);
  return manifest;
}
