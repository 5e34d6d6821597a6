import type { PopularList, PopularLists, Segment } from '@facet/bundles';
import { createFeatureEncoder, historyEnd, learnFeatureSchemas } from '@facet/features';
import type { Attributes, FeatureSchema } from '@facet/features';
import type { FacetConfig } from '@facet/config';
import { dayMs } from '@facet/platform';
import type { Dataset } from '../dataset/dataset.ts';

/** More items than any page shows, and few enough to read all lists in milliseconds. */
const listItemsMax = 1_000;

/** `auto` leaves out attributes with more values, because their segments would be too small. */
const autoValuesMax = 50;

/** Numbers such as ages are divided into fifths, because a list per number would have few users. */
const numbers = { categoriesMax: 20, bins: 5 };

/** Minimum number of users of a list. */
const minUsersDefault = 50;

/** The maximum number of values of an attribute per user. */
const slotsMax = 10;

/** The settings of popular lists; a list has at least 50 users by default. */
export type PopularitySettings = FacetConfig['popularity'] & { readonly minUsers?: number };

/**
 * Returns the most popular items of some days before `asOf`, of all users and of each value of their attributes: the fallback for
 * users without behaviors. A user counts once per item. Interactions at or after `asOf` do not count.
 */
export function findPopularLists(
  dataset: Pick<Dataset, 'sequences' | 'userAttributes' | 'items'>,
  asOf: number,
  { windowDays, segments, minUsers = minUsersDefault }: PopularitySettings,
): PopularLists {
  const userAttributes = dataset.userAttributes.map((attributes) => attributes ?? {});
  const attributes = learnSegments(userAttributes, segments, minUsers);
  const allUsers = Int32Array.from(dataset.sequences.userIds.keys());
  const groups: { segment?: Segment; users: Int32Array }[] = [{ users: allUsers }];
  for (const schema of attributes) groups.push(...segmentsOf(schema, userAttributes));

  const count = createCounter(dataset, asOf);
  const lists: PopularList[] = [];
  for (const days of [...new Set(windowDays)].sort((a, b) => a - b)) {
    for (const { segment, users } of groups) {
      const list = { windowDays: days, ...(segment === undefined ? {} : { segment }), ...count(users, days) };
      if (segment === undefined || list.users >= minUsers) lists.push(list);
    }
  }
  return { windowDays, minUsers, attributes, lists };
}

function learnSegments(
  userAttributes: readonly Attributes[],
  segments: FacetConfig['popularity']['segments'],
  minUsers: number,
): FeatureSchema[] {
  const selection = { attributes: segments, minHolders: minUsers, maxSlots: slotsMax, numbers };
  return learnFeatureSchemas(userAttributes, selection)
    .filter(({ values }) => values.length > 0 && (segments !== 'auto' || values.length <= autoValuesMax))
    .map((schema) => (schema.kind === 'number' ? { ...schema, values: binNames(schema.edges) } : schema));
}

/** `<=24`, `>24 <=35`, `>35`. */
function binNames(edges: readonly number[]): string[] {
  return Array.from({ length: edges.length + 1 }, (_, bin) =>
    [
      ...(bin > 0 ? [`>${edges[bin - 1]}`] : []), //
      ...(bin < edges.length ? [`<=${edges[bin]}`] : []),
    ].join(' '),
  );
}

/** Returns the users of each value of an attribute. */
function segmentsOf(
  schema: FeatureSchema,
  userAttributes: readonly Attributes[],
): { segment: Segment; users: Int32Array }[] {
  const { encode } = createFeatureEncoder(schema);
  const usersOf = schema.values.map((): number[] => []);
  userAttributes.forEach((attributes, user) => {
    for (const row of encode(attributes[schema.name])) usersOf[row - 1]!.push(user);
  });
  return schema.values.map((value, position) => ({
    segment: { attribute: schema.name, value },
    users: Int32Array.from(usersOf[position]!),
  }));
}

/** Returns a function that counts the items of some users in the days before `asOf`, in time proportional to the interactions. */
function createCounter({ sequences, items }: Pick<Dataset, 'sequences' | 'items'>, asOf: number) {
  /** By item, the number of users and the last user (+ 1). All 0 between two calls. */
  const counts = new Int32Array(items.length);
  const lastUser = new Int32Array(items.length);
  return (users: Int32Array, days: number): Pick<PopularList, 'users' | 'items' | 'chosenBy'> => {
    const chosen: number[] = [];
    let active = 0;
    for (const user of users) {
      const start = historyEnd(sequences, user, asOf - days * dayMs);
      const end = historyEnd(sequences, user, asOf);
      let isActive = false;
      for (let position = start; position < end; position++) {
        const item = sequences.items[position]!;
        if (item === 0 || lastUser[item] === user + 1) continue;
        lastUser[item] = user + 1;
        if (counts[item]!++ === 0) chosen.push(item);
        isActive = true;
      }
      if (isActive) active++;
    }
    const best = highest(chosen, counts, listItemsMax);
    const chosenBy = best.map((item) => counts[item]!);
    for (const item of chosen) counts[item] = lastUser[item] = 0;
    return { users: active, items: best, chosenBy };
  };
}

/** Returns the items with the highest counts, and equal counts by index. */
function highest(items: readonly number[], counts: Int32Array, limit: number): Int32Array {
  const sorted = Int32Array.from(items, (item) => counts[item]!).sort();
  const least = sorted[Math.max(0, sorted.length - limit)] ?? 0;
  const candidates = items.filter((item) => counts[item]! >= least);
  return Int32Array.from(candidates.sort((a, b) => counts[b]! - counts[a]! || a - b).slice(0, limit));
}
