import { join } from 'node:path';
import { transactionsPerCheckpoint } from '@facet/lake';
import { listNames } from '@facet/platform';

/** Returns the number of commits of a lake since its newest checkpoint. */
export async function commitsSinceCheckpoint(lake: string): Promise<number> {
  const names = (await listNames(join(lake, '_delta_log'))).sort();
  const newest = (pattern: RegExp): number => Number(names.findLast((name) => pattern.test(name))?.slice(0, 20) ?? 0);
  return newest(/^\d{20}\.json$/) - newest(/^\d{20}\.checkpoint\.parquet$/);
}

/** Returns whether the last commit of a lake should have written a checkpoint, but did not. */
export async function isCheckpointDue(lake: string): Promise<boolean> {
  return (await commitsSinceCheckpoint(lake)) >= transactionsPerCheckpoint;
}
