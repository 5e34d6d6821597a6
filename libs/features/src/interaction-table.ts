import { orderInteractions } from './interactions.ts';
import type { DroppedEvents, InteractionRules } from './interactions.ts';
import { cutEnd } from './sequences.ts';
import type { Cut, UserSequences } from './sequences.ts';
import type { ItemVocabulary } from './vocabulary.ts';

/**
 * The interactions of many users as columns: user u owns positions offsets[u] .. offsets[u + 1] - 1. Typed arrays and two tables of
 * ids keep tens of millions of interactions small. The functions of this file change the arrays in place.
 */
export interface InteractionTable {
  /** [U] in ascending order. */
  readonly userIds: readonly string[];
  /** [I] distinct, in any order. */
  readonly itemIds: readonly string[];
  /** [U + 1] */
  readonly offsets: Int32Array;
  /** [M] positions in `itemIds`. */
  readonly items: Int32Array;
  /** [M] epoch milliseconds. */
  readonly times: Float64Array;
  /** [M] the number of the session, 0 without one. Absent for data without sessions. */
  readonly sessions?: Int32Array | undefined;
}

/**
 * Orders the interactions of each user and drops duplicates, by the rules of `selectInteractions`. Reuses the arrays of `table`.
 */
export function orderTable(
  table: InteractionTable,
  rules: Pick<InteractionRules, 'repeats' | 'tieSeed'>,
): { readonly table: InteractionTable; readonly dropped: DroppedEvents } {
  const dropped = { sameMoment: 0, repeat: 0 };
  const { userIds, itemIds, items, times } = table;
  const kept = rewriteUsers(table, (user, start, end) => {
    const events = {
      count: end - start,
      itemIdAt: (position: number) => itemIds[items[start + position]!]!,
      timeAt: (position: number) => times[start + position]!,
    };
    return orderInteractions(userIds[user]!, events, rules, dropped).map((position) => start + position);
  });
  return { table: kept, dropped };
}

/**
 * Drops the items of fewer than `usersMin` users, and then the users without remaining interactions. Reuses the arrays of `table`.
 */
export function dropRareItems(
  table: InteractionTable,
  usersMin: number,
): { readonly table: InteractionTable; readonly dropped: number } {
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

/** Returns the interactions before a cut, in new arrays. Users without any keep an empty sequence. */
export function interactionsUntil<Table extends UserSequences>(table: Table, before: Cut): Table {
  const copy = {
    ...table,
    items: table.items.slice(),
    times: table.times.slice(),
    sessions: table.sessions?.slice(),
  };
  return rewriteUsers(copy, (user, start) =>
    Array.from({ length: cutEnd(table, user, before) - start }, (_, index) => start + index),
  );
}

/** Returns the number of interactions with each item [I] before `before`. */
export function countInteractions(table: InteractionTable, before: Cut): Int32Array {
  const counts = new Int32Array(table.itemIds.length);
  for (let user = 0; user < table.userIds.length; user++) {
    const end = cutEnd(table, user, before);
    for (let position = table.offsets[user]!; position < end; position++) counts[table.items[position]!]!++;
  }
  return counts;
}

/** Returns the interactions with the item indices of a vocabulary. Reuses the arrays of `table`. */
export function toUserSequences(
  { userIds, itemIds, offsets, items, times, sessions }: InteractionTable,
  vocabulary: ItemVocabulary,
): UserSequences {
  const indexes = Int32Array.from(itemIds, (itemId) => vocabulary.indexOf(itemId) ?? 0);
  for (let position = 0; position < items.length; position++) items[position] = indexes[items[position]!]!;
  return { userIds, offsets, items, times, ...(sessions && { sessions }) };
}

/** Returns the number of users of each item [I]. */
function countUsers({ itemIds, userIds, offsets, items }: InteractionTable): Int32Array {
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

/** Keeps the positions that `choose` returns for each user, in that order. `choose` sees later users unchanged. */
function rewriteUsers<Table extends UserSequences>(
  table: Table,
  choose: (user: number, start: number, end: number) => readonly number[],
): Table {
  const { userIds, items, times, sessions } = table;
  const offsets = new Int32Array(table.offsets.length);
  let length = 0;
  for (let user = 0; user < userIds.length; user++) {
    const start = table.offsets[user]!;
    const end = table.offsets[user + 1]!;
    const positions = choose(user, start, end);
    const ownItems = items.slice(start, end);
    const ownTimes = times.slice(start, end);
    const ownSessions = sessions?.slice(start, end);
    positions.forEach((position, index) => {
      items[length + index] = ownItems[position - start]!;
      times[length + index] = ownTimes[position - start]!;
      if (sessions) sessions[length + index] = ownSessions![position - start]!;
    });
    length += positions.length;
    offsets[user + 1] = length;
  }
  return {
    ...table,
    offsets,
    items: items.subarray(0, length),
    times: times.subarray(0, length),
    sessions: sessions?.subarray(0, length),
  };
}
