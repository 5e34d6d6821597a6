import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';

const offsetsFile = '_offsets.json';

/** How far each source (`<topic>-<partition>`) is in the catalog: its first offset that is not. */
export async function readCatalogOffsets(catalogFolder: string): Promise<ReadonlyMap<string, number>> {
  const text = await readFile(join(catalogFolder, offsetsFile), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  return new Map(Object.entries(JSON.parse(text) as Record<string, number>));
}

/** Notes how far sources are, once their changes are in the catalog. */
export async function writeCatalogOffsets(catalogFolder: string, offsets: ReadonlyMap<string, number>): Promise<void> {
  await mkdir(catalogFolder, { recursive: true });
  await writeFileAtomically(join(catalogFolder, offsetsFile), [`${JSON.stringify(Object.fromEntries(offsets))}\n`]);
}
