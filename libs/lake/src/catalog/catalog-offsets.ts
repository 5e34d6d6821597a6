import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@facet/platform';
import { readNames } from '../lake-layout.ts';

/** One file a source: processes that keep different sources of a catalog do not get into each other's way. */
const offsetsFolder = '_offsets';

/** How far each source (`<topic>-<partition>`) is in the catalog: its first offset that is not. */
export async function readCatalogOffsets(catalogFolder: string): Promise<ReadonlyMap<string, number>> {
  const folder = join(catalogFolder, offsetsFolder);
  const names = (await readNames(folder)).filter((name) => name.endsWith('.json'));
  const entries = names.map(async (name) => {
    const next = JSON.parse(await readFile(join(folder, name), 'utf8')) as number;
    return [name.slice(0, -'.json'.length), next] as const;
  });
  return new Map(await Promise.all(entries));
}

/** Notes how far a source is, once its changes are in the catalog. One writer a source. */
export async function writeCatalogOffset(catalogFolder: string, source: string, next: number): Promise<void> {
  await mkdir(join(catalogFolder, offsetsFolder), { recursive: true });
  await writeFileAtomically(join(catalogFolder, offsetsFolder, `${source}.json`), [`${next}\n`]);
}
