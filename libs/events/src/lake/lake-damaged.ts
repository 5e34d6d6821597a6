import { AppError } from '@facet/platform';

/** What a file of the lake that DuckDB cannot read becomes; DuckDB's message names the file. */
export function lakeDamaged(lakeFolder: string, cause: unknown): AppError {
  return new AppError(`The lake in ${lakeFolder} cannot be read: ${(cause as Error).message.trim()}`, {
    code: 'EVENTS_LAKE_DAMAGED',
    remedy: 'Restore the file it names, or move the home away and import the files again.',
    context: { lakeFolder },
    cause,
  });
}
