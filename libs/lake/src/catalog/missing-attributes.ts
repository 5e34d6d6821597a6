import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Attributes } from '@facet/schemas';
import { catalogFiles } from './catalog-files.ts';

/**
 * Returns the names of attributes that no item or user of a catalog has. Reads the file only until it has found every name, one
 * record at a time. A catalog without records lacks nothing, because it has not been filled yet.
 */
export async function findMissingAttributes(
  catalogFolder: string,
  kind: keyof typeof catalogFiles,
  names: Iterable<string>,
): Promise<Set<string>> {
  const missing = new Set(names);
  if (missing.size === 0) return missing;
  const input = createReadStream(join(catalogFolder, catalogFiles[kind]));
  let isEmpty = true;
  try {
    for await (const line of createInterface({ input })) {
      if (line === '') continue;
      isEmpty = false;
      const { attributes = {} } = JSON.parse(line) as { readonly attributes?: Attributes };
      for (const name of Object.keys(attributes)) missing.delete(name);
      if (missing.size === 0) break;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    input.destroy();
  }
  return isEmpty ? new Set() : missing;
}
