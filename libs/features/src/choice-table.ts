import { orderChoices } from './interactions.ts';
import type { DroppedChoices, InteractionRules } from './interactions.ts';
import { cutEnd } from './sequences.ts';
import type { Cut, UserSequences } from './sequences.ts';
import type { ItemVocabulary } from './vocabulary.ts';

/**
 * Many users' choices as columns: user u owns positions offsets[u] .. offsets[u + 1] - 1. Tens of millions of them are
 * typed arrays and two tables of ids, which the functions here change in place.
 */
export interface ChoiceTable {
  /** [U] in ascending order. */
  readonly userIds: readonly string[];
  /** [I] each once, in any order. */
  readonly itemIds: readonly string[];
  /** [U + 1] */
  readonly offsets: Int32Array;
  /** [M] positions in `itemIds`. */
  readonly items: Int32Array;
  /** [M] epoch milliseconds. */
  readonly times: Float64Array;
}

/**
 * Makes interactions of choices that are in any order within their user, by the rules of `selectInteractions`. The arrays of
 * `table` are used up.
 */
export function orderTable(
  table: ChoiceTable,
  rules: Pick<InteractionRules, 'repeats' | 'tieSeed'>,
): { readonly table: ChoiceTable; readonly dropped: DroppedChoices } {
  const dropped = { sameMoment: 0, repeat: 0 };
  const { userIds, itemIds, items, times } = table;
  const kept = rewriteUsers(table, (user, start, end) => {
    const choices = {
      count: end - start,
      itemIdAt: (position: number) => itemIds[items[start + position]!]!,
      timeAt: (position: number) => times[start + position]!,
    };
    return orderChoices(userIds[user]!, choices, rules, dropped).map((position) => start + position);
  });
  return { table: kept, dropped };
}

/**
 * Leaves out the items that fewer than `usersMin` users chose, and then the users who have nothing left. The arrays of `table`
 * are used up.
 */
export function dropRareItems(
  table: ChoiceTable,
  usersMin: number,
): { readonly table: ChoiceTable; readonly dropped: number } {
  if (usersMin <= 1) return { table, dropped: 0 };
  const users = countUsers(table);
  const kept = rewriteUsers(table, (_, start, end) => {
    const positions: number[] = [];
    for (let position = start; position < end; position++) {
      if (users[table.items[position]!]! >= usersMin) positions.push(position);
    }
    return positions;
  });
  const isKept = (user: number): boolean => kept.offsets[user + 1]! > kept.offsets[user]!;
  const owners = Array.from(kept.userIds.keys()).filter(isKept);
  return {
    table: {
      ...kept,
      userIds: owners.map((user) => kept.userIds[user]!),
      offsets: Int32Array.from([...owners.map((user) => kept.offsets[user]!), kept.items.length]),
    },
    dropped: table.items.length - kept.items.length,
  };
}

/** How often each item [I] was chosen before `before`. */
export function countChoices(table: ChoiceTable, before: Cut): Int32Array {
  const counts = new Int32Array(table.itemIds.length);
  for (let user = 0; user < table.userIds.length; user++) {
    const end = cutEnd(table, user, before);
    for (let position = table.offsets[user]!; position < end; position++) counts[table.items[position]!]!++;
  }
  return counts;
}

/** The table's choices by the indexes of a vocabulary. The arrays of `table` are used up. */
export function toUserSequences(
  { userIds, itemIds, offsets, items, times }: ChoiceTable,
  vocabulary: ItemVocabulary,
): UserSequences {
  const indexes = Int32Array.from(itemIds, (itemId) => vocabulary.indexOf(itemId) ?? 0);
  for (let position = 0; position < items.length; position++) items[position] = indexes[items[position]!]!;
  return { userIds, offsets, items, times };
}

/** How many users [I] chose each item. */
function countUsers({ itemIds, userIds, offsets, items }: ChoiceTable): Int32Array {
  const users = new Int32Array(itemIds.length);
  const lastUser = new Int32Array(itemIds.length).fill(-1);
  for (let user = 0; user < userIds.length; user++) {
    for (let position = offsets[user]!; position < offsets[user + 1]!; position++) {
      const item = items[position]!;
      if (lastUser[item] === user) continue;
      lastUser[item] = user;
      users[item]!++;
    }
  }
  return users;
}

/**
 * Closes the ranks: of each user only the positions that `choose` gives stay, in its order. It is asked user by user, and
 * what lies behind the user is as it was.
 */
function rewriteUsers(
  table: ChoiceTable,
  choose: (user: number, start: number, end: number) => readonly number[],
): ChoiceTable {
  const { userIds, items, times } = table;
  const offsets = new Int32Array(table.offsets.length);
  let length = 0;
  for (let user = 0; user < userIds.length; user++) {
    const start = table.offsets[user]!;
    const end = table.offsets[user + 1]!;
    const positions = choose(user, start, end);
    const ownItems = items.slice(start, end);
    const ownTimes = times.slice(start, end);
    positions.forEach((position, place) => {
      items[length + place] = ownItems[position - start]!;
      times[length + place] = ownTimes[position - start]!;
    });
    length += positions.length;
    offsets[user + 1] = length;
  }
  return { ...table, offsets, items: items.subarray(0, length), times: times.subarray(0, length) };
}
