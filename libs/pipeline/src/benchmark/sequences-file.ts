import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { InteractionTable } from '@facet/features';
import { AppError, dayMs } from '@facet/platform';

/**
 * Reads a file of sequences. Each line is a user id and then item ids, oldest first, separated by spaces or tabs. The file contains
 * no times, so the interactions of a user get one day each, which preserves their order.
 *
 * @throws AppError `BENCHMARK_SEQUENCES_INVALID` for a user without items or a repeated user.
 */
export async function readSequencesFile(path: string): Promise<InteractionTable> {
  const userIds: string[] = [];
  const itemIndex = new Map<string, number>();
  const offsets: number[] = [0];
  const items: number[] = [];
  const times: number[] = [];
  const seen = new Set<string>();
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    line++;
    const [userId, ...itemIds] = text.split(/\s+/).filter((word) => word !== '');
    if (userId === undefined) continue;
    if (itemIds.length === 0 || seen.has(userId)) {
      const problem = seen.has(userId) ? `user ${userId} is repeated` : `user ${userId} has no items`;
      throw new AppError(`${path}, line ${line}: ${problem}.`, {
        code: 'BENCHMARK_SEQUENCES_INVALID',
        category: 'input',
        remedy: 'Write each line as a user id and then item ids, oldest first, separated by spaces.',
      });
    }
    seen.add(userId);
    userIds.push(userId);
    itemIds.forEach((itemId, place) => {
      if (!itemIndex.has(itemId)) itemIndex.set(itemId, itemIndex.size);
      items.push(itemIndex.get(itemId)!);
      times.push(place * dayMs);
    });
    offsets.push(items.length);
  }
  return {
    userIds,
    itemIds: [...itemIndex.keys()],
    offsets: Int32Array.from(offsets),
    items: Int32Array.from(items),
    times: Float64Array.from(times),
  };
}
