import type { PopularList, PopularLists, Segment } from '@facet/bundles';
import { createFeatureEncoder, historyEnd, learnFeatureSchemas } from '@facet/features';
import type { Attributes, FeatureSchema } from '@facet/features';
import type { FacetConfig } from '@facet/config';
import type { Dataset } from '../dataset/dataset.ts';

const dayMs = 86_400_000;

/** More than any page has, and few enough that all lists of a bundle are read in milliseconds. */
const listItemsMax = 1_000;

/** Of `auto`: an attribute of more values divides users rather than describing them. */
const autoValuesMax = 50;

/** Ages and the like are cut into fifths: a list of each number would have few users. */
const numbers = { categoriesMax: 20, bins: 5 };

/** Most values of an attribute that one user counts for. */
const slotsMax = 10;

/**
 * What most users chose within some days before `asOf`, of all users and by the values of their attributes: the answer
 * for somebody of whom nothing is known but that. A user counts once for an item. Nothing of `asOf` or later counts.
 */
export function findPopularLists(
  dataset: Pick<Dataset, 'sequences' | 'userAttributes' | 'items'>,
  asOf: number,
  { windowDays, segments, minUsers }: FacetConfig['popularity'],
): PopularLists {
  const userAttributes = dataset.userAttributes.map((attributes) => attributes ?? {});
  const attributes = learnSegments(userAttributes, segments, minUsers);
  const everybody = Int32Array.from(dataset.sequences.userIds.keys());
  const groups: { segment?: Segment; users: Int32Array }[] = [{ users: everybody }];
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

/** The users of each value of an attribute. */
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

/** Counts what some users chose within so many days before `asOf`. A list takes as long as it has choices, not items. */
function createCounter({ sequences, items }: Pick<Dataset, 'sequences' | 'items'>, asOf: number) {
  /** Both by item and all 0 between two lists: how many users, and the last of them (+ 1). */
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

/** Of the items those with the highest counts, equal ones by index. */
function highest(items: readonly number[], counts: Int32Array, limit: number): Int32Array {
  const sorted = Int32Array.from(items, (item) => counts[item]!).sort();
  const least = sorted[Math.max(0, sorted.length - limit)] ?? 0;
  const candidates = items.filter((item) => counts[item]! >= least);
  return Int32Array.from(candidates.sort((a, b) => counts[b]! - counts[a]! || a - b).slice(0, limit));
}
