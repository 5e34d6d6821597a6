import { join } from 'node:path';
import { listNames } from '@facet/platform';

/** Returns the number of commits of a lake since its newest checkpoint. */
export async function commitsSinceCheckpoint(lake: string): Promise<number> {
  const names = (await listNames(join(lake, '_delta_log'))).sort();
  const newest = (pattern: RegExp): number => Number(names.findLast((name) => pattern.test(name))?.slice(0, 20) ?? 0);
  return newest(/^\d{20}\.json$/) - newest(/^\d{20}\.checkpoint\.parquet$/);
}
