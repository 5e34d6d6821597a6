import { streamItems, streamUsers } from './read-catalog.ts';
import type { CatalogKind } from './segments.ts';

/** The attributes of a catalog that suggestions are chosen from. */
const knownMax = 1000;

/**
 * Returns the names of attributes that no item or user of a catalog has. Reads the catalog only until it has found every name. A
 * catalog without records lacks nothing, because it has not been filled yet. `known` has the attributes that it read: of the whole catalog if a
 * name is missing.
 */
export async function findMissingAttributes(
  catalogFolder: string,
  kind: CatalogKind,
  names: Iterable<string>,
): Promise<{ readonly missing: ReadonlySet<string>; readonly known: ReadonlySet<string> }> {
  const missing = new Set(names);
  const known = new Set<string>();
  if (missing.size === 0) return { missing, known };
  let isEmpty = true;
  for await (const records of kind === 'items' ? streamItems(catalogFolder) : streamUsers(catalogFolder)) {
    for (const { attributes } of records) {
      isEmpty = false;
      for (const name of Object.keys(attributes)) {
        missing.delete(name);
        if (known.size < knownMax) known.add(name);
      }
      if (missing.size === 0) return { missing, known };
    }
  }
  return { missing: isEmpty ? new Set() : missing, known };
}
