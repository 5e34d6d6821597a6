import type { PopularList, PopularLists, Segment } from '@facet/bundles';
import { createFeatureEncoder, historyEnd, learnFeatureSchemas } from '@facet/features';
import type { Attributes, FeatureSchema } from '@facet/features';
import type { FacetConfig } from '../config.ts';
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

/** Counts what some users chose within so many days before `asOf`. */
function createCounter({ sequences, items }: Pick<Dataset, 'sequences' | 'items'>, asOf: number) {
  const counts = new Int32Array(items.length);
  /** By item, the last user who was counted (+ 1). */
  const lastUser = new Int32Array(items.length);
  return (users: Int32Array, days: number): Pick<PopularList, 'users' | 'items' | 'chosenBy'> => {
    counts.fill(0);
    lastUser.fill(0);
    let active = 0;
    for (const user of users) {
      const start = historyEnd(sequences, user, asOf - days * dayMs);
      const end = historyEnd(sequences, user, asOf);
      let isActive = false;
      for (let position = start; position < end; position++) {
        const item = sequences.items[position]!;
        if (item === 0 || lastUser[item] === user + 1) continue;
        lastUser[item] = user + 1;
        counts[item]!++;
        isActive = true;
      }
      if (isActive) active++;
    }
    const best = highest(counts, listItemsMax);
    return { users: active, items: best, chosenBy: best.map((item) => counts[item]!) };
  };
}

/** The items with the highest counts above 0, equal ones by index. */
function highest(counts: Int32Array, limit: number): Int32Array {
  const sorted = counts.filter((count) => count > 0).sort();
  const least = sorted[Math.max(0, sorted.length - limit)] ?? 1;
  const found: number[] = [];
  for (let item = 1; item < counts.length; item++) if (counts[item]! >= least) found.push(item);
  return Int32Array.from(found.sort((a, b) => counts[b]! - counts[a]! || a - b).slice(0, limit));
}
