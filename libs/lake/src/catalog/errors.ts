import { AppError } from '@facet/platform';
import type { LogErrors } from '../transaction-log/errors.ts';

/** The errors of the transaction log of a catalog. */
export const catalogErrors: LogErrors = {
  damaged: (catalogFolder, cause) => catalogDamaged(catalogFolder, cause as Error),
  unwritable: catalogUnwritable,
  superseded: catalogSuperseded,
};

/** A file of the catalog, or its transaction log, cannot be read. */
export function catalogDamaged(path: string, cause: Error): AppError {
  return new AppError(`Cannot read the catalog at ${path}: ${cause.message.trim()}.`, {
    code: 'EVENTS_CATALOG_DAMAGED',
    category: 'artifact',
    remedy:
      'Restore the whole catalog folder from a backup. Without a backup, delete the folder: the sink reads items and users again ' +
      'from Kafka. Then import the item and user files again.',
    context: { path },
    cause,
  });
}

export function catalogUnwritable(catalogFolder: string, cause: unknown): AppError {
  return new AppError(`Cannot write the catalog ${catalogFolder}: ${(cause as Error).message}.`, {
    code: 'EVENTS_CATALOG_UNWRITABLE',
    category: 'unavailable',
    remedy:
      'Check the free space, the permissions and the health of the disk, then retry. Kafka or the imported files still have the changes.',
    context: { catalogFolder },
    retryable: true,
    cause,
  });
}

/** Another writer has committed the same offsets. `sources` are those that this writer lost. */
function catalogSuperseded(catalogFolder: string, sources: readonly string[]): AppError {
  const which = sources.length === 0 ? '' : ` for ${sources.join(', ')}`;
  return new AppError(`Another writer has committed to the catalog ${catalogFolder}${which}.`, {
    code: 'EVENTS_CATALOG_SUPERSEDED',
    category: 'conflict',
    remedy: 'Stop this writer, or let it resume at the committed offsets. No change is lost.',
    context: { catalogFolder, sources },
  });
}
