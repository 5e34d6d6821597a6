import { readCatalogOffsets } from '../catalog/read-catalog.ts';
import { readLakeState } from '../transaction-log/lake-log.ts';

/**
 * Returns whether no sink has written to the lake and the catalog of a home.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`, `EVENTS_CATALOG_UNREADABLE`; as `openLakeSnapshot`
 */
export async function isEmptyHome({
  lakeFolder,
  catalogFolder,
}: {
  readonly lakeFolder: string;
  readonly catalogFolder: string;
}): Promise<boolean> {
  const { version } = await readLakeState(lakeFolder);
  return version < 1 && (await readCatalogOffsets(catalogFolder)).size === 0;
}
