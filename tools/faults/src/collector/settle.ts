import { setTimeout as sleep } from 'node:timers/promises';
import type { Parts } from './parts.ts';

const settleSeconds = 180;
const pollMs = 500;
/** After a rebalance, a sink learns the lag of a new partition with a delay. */
const stableMs = 5_000;

/** Waits until the spools are empty and the sinks have stored everything. */
export async function settle({ ingestUrls, sinkUrls, key }: Parts): Promise<void> {
  const until = Date.now() + settleSeconds * 1_000;
  const read = async (url: string): Promise<unknown> => {
    const response = await fetch(`${url}/v1/status`, { headers: { 'x-api-key': key } });
    // A process that has just started may respond with an error.
    return response.ok ? response.json() : undefined;
  };
  for (let stableSince = Date.now(); Date.now() - stableSince < stableMs; await sleep(pollMs)) {
    const [ingests, sinks] = await Promise.all([ingestUrls, sinkUrls].map((urls) => Promise.all(urls.map(read))));
    if (ingests!.every(isDrained) && sinks!.every(isCaughtUp)) continue;
    stableSince = Date.now();
    if (Date.now() > until) throw new Error(`the collector did not drain: ${JSON.stringify([ingests, sinks])}`);
  }
}

function isDrained(status: unknown): boolean {
  return (status as { readonly spool: { readonly records: number } } | undefined)?.spool.records === 0;
}

function isCaughtUp(status: unknown): boolean {
  if (status === undefined) return false;
  const { group, partitions } = status as {
    readonly group: { readonly lag: number };
    readonly partitions: readonly { readonly lag: number }[];
  };
  return partitions.length > 0 && [group, ...partitions].every(({ lag }) => lag === 0);
}
