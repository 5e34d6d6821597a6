import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { useArtifact } from '@facet/artifacts';
import type { ArtifactStore, OpenArtifact } from '@facet/artifacts';
import { parseWith } from '@facet/platform';
import { Type } from 'typebox';

/** `bundleFiles.info`, which an import would load together with the model. */
const infoFile = 'bundle.json';
const ReadFeatures = Type.Object({
  spec: Type.Object({ itemFeatures: Type.Array(Type.Object({ name: Type.String() })) }),
});

/**
 * Returns the attributes of items that the model of the current bundle reads, with `title` for the words of titles. Undefined without a
 * current bundle.
 *
 * @throws AppError `ARTIFACT_NOT_FOUND`, `ARTIFACT_CORRUPT`, `CONFIG_INVALID`.
 */
export async function readModelAttributes(store: ArtifactStore): Promise<readonly string[] | undefined> {
  const ref = await store.readRef('current');
  if (ref === undefined) return undefined;
  const read = ({ folder }: OpenArtifact): Promise<string> => readFile(join(folder, infoFile), 'utf8');
  const info: unknown = JSON.parse(await useArtifact(store, ref, read, [infoFile]));
  return parseWith(ReadFeatures, info, { source: `bundle ${ref.id}` }).spec.itemFeatures.map(({ name }) => name);
}
