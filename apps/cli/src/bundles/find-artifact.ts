import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { AppError } from '@facet/platform';
import { facet } from '../invocation.ts';

/**
 * The one artifact of these kinds whose id is, or begins with, `id`.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND` when none or several fit.
 */
export async function findArtifact(
  store: ArtifactStore,
  id: string,
  options: { readonly kinds: readonly string[]; readonly home: string },
): Promise<ArtifactRef> {
  const { kinds, home } = options;
  const listed = await Promise.all(kinds.map(async (kind) => store.list(kind)));
  const found = listed.flat().filter(({ ref }) => ref.id.startsWith(id));
  if (found.length === 1) return found[0]!.ref;
  throw new AppError(
    `${found.length === 0 ? 'No' : 'More than one'} ${kinds.join(', ')} of ${home} has an id that begins with ${id}.`,
    { code: 'ARTIFACT_NOT_FOUND', category: 'artifact-missing', remedy: `See ${facet} bundles --home ${home}.` },
  );
}
