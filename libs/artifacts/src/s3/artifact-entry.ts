import { AppError, parseJsonIfValid } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Value } from 'typebox/value';
import { corrupt } from '../artifact-errors.ts';
import type { ArtifactRef } from '../artifact-ref.ts';
import type { ArtifactManifest } from '../manifest.ts';
import { manifestOf } from '../manifest.ts';

const EntryFile = Type.Object({
  path: Type.String({ minLength: 1 }),
  /** Size and hash of the current content, which a redaction changes. */
  bytes: Type.Integer({ minimum: 0 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** The folder of the object: the generation and a random id. */
  upload: Type.String({ pattern: '^\\d+~[0-9a-f-]{36}$' }),
  etag: Type.String(),
});

const Entry = Type.Object({
  format: Type.Literal(1),
  /** Counts the changes of the files: 1 for a new artifact. */
  generation: Type.Integer({ minimum: 1 }),
  /** Epoch milliseconds of the last `put`. */
  putAt: Type.Integer(),
  /** Epoch milliseconds. A promotion or reference that began then may not be recorded yet. */
  claimedAt: Type.Optional(Type.Integer()),
  /** The text of the manifest, whose hash is the id of the artifact. */
  manifest: Type.String(),
  files: Type.Immutable(Type.Array(EntryFile)),
});

/** A file of an artifact, and the object with its content. */
export type EntryFile = Readonly<Static<typeof EntryFile>>;

/** The object that makes an artifact exist. Readers see all or nothing of a change, because one object contains all of it. */
export type ArtifactEntry = Readonly<Static<typeof Entry>>;

/** The entry of a removed artifact. A promotion that has read an earlier entry cannot replace it. */
export const removedEntry = '';

export const entriesPrefix = 'artifacts/';
export const filesPrefix = 'files/';

export function entryKey({ kind, id }: ArtifactRef): string {
  return `${entriesPrefix}${kind}/${id}.json`;
}

export function formatEntry(entry: ArtifactEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** @throws AppError `ARTIFACT_CORRUPT`; `ARTIFACT_STORE_NEWER` for an entry of a later version of Facet. */
export function parseEntry(
  ref: ArtifactRef,
  text: string,
): { readonly entry: ArtifactEntry; readonly manifest: ArtifactManifest } {
  const value = parseJsonIfValid(text);
  if (value === undefined) throw corrupt(ref, entryKey(ref), 'is not JSON');
  const { format } = (value ?? {}) as { readonly format?: unknown };
  if (typeof format === 'number' && format > 1) {
    throw new AppError(`The ${ref.kind} ${ref.id} has the storage format ${format}. This version of Facet reads 1.`, {
      code: 'ARTIFACT_STORE_NEWER',
      category: 'artifact',
      remedy: 'Use the version of Facet that wrote the artifact, or a later one.',
      context: { ...ref, format },
    });
  }
  if (!Value.Check(Entry, value)) throw corrupt(ref, entryKey(ref), 'does not describe an artifact');
  const manifest = manifestOf(ref, value.manifest, entryKey(ref));
  const paths = value.files.map(({ path }) => path);
  if (paths.join('\n') !== manifest.files.map(({ path }) => path).join('\n')) {
    throw corrupt(ref, entryKey(ref), 'lists other files than the manifest');
  }
  const outside = paths.find((path) => path.startsWith('/') || path.split('/').includes('..'));
  if (outside !== undefined) throw corrupt(ref, outside, 'is outside of the artifact');
  return { entry: value, manifest };
}

export function objectKey({ kind, id }: ArtifactRef, { upload, path }: Pick<EntryFile, 'upload' | 'path'>): string {
  return `${filesPrefix}${kind}/${id}/${upload}/${path}`;
}

const objectPattern = /^files\/([a-z][a-z0-9-]{0,63})\/([0-9a-f]{32})\/(\d+)~[0-9a-f-]{36}\/./;

/** Returns the artifact and the generation of an object of a file, or undefined for an object that is none. */
export function parseObjectKey(key: string): { readonly ref: ArtifactRef; readonly generation: number } | undefined {
  const [, kind, id, generation] = objectPattern.exec(key) ?? [];
  if (kind === undefined || id === undefined) return undefined;
  return { ref: { kind, id }, generation: Number(generation) };
}
