import type { FaissIndexOptions } from './faiss.ts';

/**
 * Four interests of width 64, 200 items, one core: a scan of 50,000 items takes .8 ms, of 200,000 about 10 ms, where a
 * graph takes 1.1 ms.
 */
const flatItemsMax = 50_000;

/** The kind of index for a catalogue of so many items, and why, for the log and the run page. */
export function chooseIndexKind(itemCount: number): { options: FaissIndexOptions; reason: string } {
  const items = itemCount.toLocaleString('en-US');
  const limit = flatItemsMax.toLocaleString('en-US');
  if (itemCount <= flatItemsMax) {
    return { options: { kind: 'flat' }, reason: `${items} items (at most ${limit}): an exact scan is fast enough` };
  }
  return {
    options: { kind: 'hnsw' },
    reason: `${items} items (more than ${limit}): a scan is too slow, a graph is searched`,
  };
}
