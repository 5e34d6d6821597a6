import { join } from 'node:path';
import { transactionsPerCheckpoint } from '@facet/lake';
import { listNames } from '@facet/platform';

/** Returns the number of commits of the lake with this table since its newest checkpoint. */
export async function commitsSinceCheckpoint(table: string): Promise<number> {
  const names = (await listNames(join(table, '_delta_log'))).sort();
  const newest = (pattern: RegExp): number => Number(names.findLast((name) => pattern.test(name))?.slice(0, 20) ?? 0);
  return newest(/^\d{20}\.json$/) - newest(/^\d{20}\.checkpoint\.parquet$/);
}

/** Returns whether the last commit of the lake with this table should have written a checkpoint, but did not. */
export async function isCheckpointDue(table: string): Promise<boolean> {
  return (await commitsSinceCheckpoint(table)) >= transactionsPerCheckpoint;
}
