import { streamItems, streamUsers } from './read-catalog.ts';
import type { CatalogKind } from './segments.ts';

/**
 * Returns the names of attributes that no item or user of a catalog has. Reads the catalog only until it has found every name. A
 * catalog without records lacks nothing, because it has not been filled yet.
 */
export async function findMissingAttributes(
  catalogFolder: string,
  kind: CatalogKind,
  names: Iterable<string>,
): Promise<Set<string>> {
  const missing = new Set(names);
  if (missing.size === 0) return missing;
  let isEmpty = true;
  for await (const records of kind === 'items' ? streamItems(catalogFolder) : streamUsers(catalogFolder)) {
    for (const { attributes } of records) {
      isEmpty = false;
      for (const name of Object.keys(attributes)) missing.delete(name);
      if (missing.size === 0) return missing;
    }
  }
  return isEmpty ? new Set() : missing;
}
