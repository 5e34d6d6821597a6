import { eventFieldNames, readTextLines } from '@facet/import';
import type { InteractionTable } from '@facet/features';
import { AppError, dayMs, plainName } from '@facet/platform';

/**
 * Reads a file of sequences, compressed or not. Each line is a user id and then item ids, oldest first, separated by spaces or tabs. A line
 * with one item can continue the user of the line before it, as in the files of SASRec. The file contains no times, so the interactions of a user get one day each, which preserves their order.
 *
 * @throws AppError `BENCHMARK_SEQUENCES_INVALID` for a header line, a user without items, a repeated user, or a line that is not UTF-8; as `readBytes`.
 */
export async function readSequencesFile(path: string): Promise<InteractionTable> {
  const userIds: string[] = [];
  const itemIndex = new Map<string, number>();
  const offsets: number[] = [0];
  const items: number[] = [];
  const times: number[] = [];
  const seen = new Set<string>();
  const addLine = (text: string): string | undefined => {
    const [userId, ...itemIds] = text.split(/\s+/).filter((word) => word !== '');
    if (userId === undefined) return undefined;
    if (itemIds.length === 0) return `user ${userId} has no items`;
    if (userId === userIds.at(-1) && itemIds.length === 1) offsets.pop();
    else if (seen.has(userId)) return `user ${userId} is repeated`;
    else userIds.push(userId);
    seen.add(userId);
    const start = offsets.at(-1)!;
    for (const itemId of itemIds) {
      if (!itemIndex.has(itemId)) itemIndex.set(itemId, itemIndex.size);
      times.push((items.length - start) * dayMs);
      items.push(itemIndex.get(itemId)!);
    }
    offsets.push(items.length);
    return undefined;
  };
  for await (const { firstLine, lines, faults } of readTextLines(path)) {
    for (const [index, text] of lines.entries()) {
      const isFirst = firstLine + index === 1;
      const invalid = isFirst && isHeader(text) ? `"${text.trim().slice(0, 60)}" is a header` : undefined;
      const problem = faults.has(index) ? 'the text is not UTF-8' : (invalid ?? addLine(text));
      if (problem === undefined) continue;
      throw new AppError(`${path}, line ${firstLine + index}: ${problem}.`, {
        code: 'BENCHMARK_SEQUENCES_INVALID',
        category: 'input',
        remedy:
          invalid === undefined
            ? 'Write each line as a user id and then item ids, oldest first, separated by spaces.'
            : 'Remove this line.',
      });
    }
  }
  return {
    userIds,
    itemIds: [...itemIndex.keys()],
    offsets: Int32Array.from(offsets),
    items: Int32Array.from(items),
    times: Float64Array.from(times),
  };
}

/** Returns whether a line begins with the names of a column of users and a column of items, such as `user_id items`. */
function isHeader(text: string): boolean {
  const [user = '', item = ''] = text.split(/\s+/).map((word) => plainName(word.replace(/:.*/, '')));
  const { userId, itemId, sessionId } = eventFieldNames;
  const userNames: readonly string[] = [...userId, ...sessionId];
  const itemNames: readonly string[] = itemId;
  return userNames.includes(user) && (itemNames.includes(item) || itemNames.includes(item.replace(/s$/, '')));
}
