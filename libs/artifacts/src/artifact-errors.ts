import { AppError } from '@facet/platform';
import type { ArtifactRef } from './artifact-ref.ts';

const namePattern = /^[a-z][a-z0-9-]{0,63}$/;
/** The ids of artifacts, which name folders of the store. */
export const artifactIdPattern = '^[0-9a-f]{32}$';
const idPattern = new RegExp(artifactIdPattern);
/** The folder with the local copies of artifacts on S3. */
export const copiesFolderName = 's3-copies';
/** The folder with unfinished artifacts, in the store and in the folder of the copies. */
export const stagingFolderName = 'staging';
/** Folders next to the folders of the kinds. */
const reservedNames: readonly string[] = ['refs', stagingFolderName, 'promotions', copiesFolderName, 'uploaded'];

/** Returns whether a name can be a kind or a reference. */
export function isName(name: string): boolean {
  return namePattern.test(name) && !reservedNames.includes(name);
}

export function isId(id: string): boolean {
  return idPattern.test(id);
}

/** @throws AppError `ARTIFACT_INVALID`. */
export function checkName(name: string, what: string): void {
  if (isName(name)) return;
  throw invalid(
    `"${name}" cannot be the ${what}.`,
    `Use lowercase letters, digits and hyphens, and none of the reserved names ${reservedNames.join(', ')}.`,
  );
}

/** @throws AppError `ARTIFACT_INVALID` for a kind or an id that could leave the store. */
export function checkRef({ kind, id }: ArtifactRef): void {
  checkName(kind, 'kind');
  if (!isId(id)) throw invalid(`"${id}" is not an artifact id.`, 'Use an id that the store returned.');
}

export function isSame(a: ArtifactRef, b: ArtifactRef): boolean {
  return a.kind === b.kind && a.id === b.id;
}

export function invalid(message: string, remedy: string): AppError {
  return new AppError(message, { code: 'ARTIFACT_INVALID', category: 'artifact', remedy });
}

export function notFound(ref: ArtifactRef, store: string): AppError {
  return new AppError(`The artifact store ${store} has no ${ref.kind} ${ref.id}.`, {
    code: 'ARTIFACT_NOT_FOUND',
    category: 'artifact-missing',
    remedy: `List the existing ${ref.kind}s, or rebuild this one.`,
    context: { ...ref },
  });
}

export function corrupt(ref: ArtifactRef, file: string, problem: string): AppError {
  return new AppError(`The ${ref.kind} ${ref.id} is corrupt: ${file} ${problem}.`, {
    code: 'ARTIFACT_CORRUPT',
    category: 'artifact',
    remedy:
      'Roll back to another artifact, or rebuild this one from the same inputs: the new copy replaces the corrupt one.',
    context: { ...ref, file },
  });
}

/** The error of a change of a file while another process changes files of the store. */
export function locked(store: string, holder: number): AppError {
  return new AppError(`Process ${holder} is changing artifacts of ${store}.`, {
    code: 'ARTIFACT_LOCKED',
    category: 'conflict',
    remedy: 'Wait until the process has ended, and repeat the command.',
    retryable: true,
    context: { store },
  });
}
