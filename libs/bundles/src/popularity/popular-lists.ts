import { readSafetensors, writeSafetensors } from '@facet/artifacts';
import { FeatureSchema, createFeatureEncoder } from '@facet/features';
import type { Attributes } from '@facet/features';
import { AppError, parseWith } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { tensor, readTensor } from '../items/tensors.ts';

/** Users with one value of an attribute. */
const Segment = Type.Object({ attribute: Type.String(), value: Type.String() });
export type Segment = Readonly<Static<typeof Segment>>;

/** Metadata of the file, as JSON: everything but the items, which are concatenated in tensors. */
const PopularIndex = Type.Object({
  /** Window lengths in days before the end of the data, the default first. */
  windowDays: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1 }),
  /** Minimum number of users: smaller segments have no list, and windows with fewer users are skipped. */
  minUsers: Type.Integer({ minimum: 1 }),
  /** Attributes that define segments; numbers are segmented by bin. */
  attributes: Type.Array(FeatureSchema),
  /** One list of all users per window, and lists of segments. */
  lists: Type.Array(
    Type.Object({
      windowDays: Type.Integer({ minimum: 1 }),
      /** Absent for all users. */
      segment: Type.Optional(Segment),
      /** Users of the segment with an interaction in the window. */
      users: Type.Integer({ minimum: 0 }),
      length: Type.Integer({ minimum: 0 }),
    }),
  ),
});
type PopularIndex = Static<typeof PopularIndex>;

/** The most popular items of a window of days before the end of the data. */
export interface PopularList extends Readonly<Omit<PopularIndex['lists'][number], 'length'>> {
  /** Item indices, most users first, then by index. */
  readonly items: Int32Array;
  /** Number of users who interacted with each item. */
  readonly chosenBy: Int32Array;
}

/** The popular items of a bundle, by window and segment. */
export interface PopularLists extends Readonly<Omit<PopularIndex, 'lists'>> {
  readonly lists: readonly PopularList[];
}

/** The lists of a catalog without interactions. */
export const noPopularLists: PopularLists = {
  windowDays: [7],
  minUsers: 1,
  attributes: [],
  lists: [{ windowDays: 7, users: 0, items: new Int32Array(0), chosenBy: new Int32Array(0) }],
};

/** Writes the lists to a new file: tensors `items` and `chosenBy`, and JSON metadata. */
export async function writePopularLists(path: string, popular: PopularLists): Promise<void> {
  const { lists, ...others } = popular;
  const index = {
    ...others,
    lists: lists.map(({ windowDays, segment, users, items }) => ({ windowDays, segment, users, length: items.length })),
  };
  const items = joined(lists.map((list) => list.items));
  const chosenBy = joined(lists.map((list) => list.chosenBy));
  const tensors = { items: tensor('I32', items), chosenBy: tensor('I32', chosenBy) };
  await writeSafetensors(path, tensors, { popular: JSON.stringify(index) });
}

/**
 * Reads the lists of a bundle.
 *
 * @param itemCount Number of items in the bundle.
 * @throws AppError `ARTIFACT_CORRUPT`, `CONFIG_INVALID`; `BUNDLE_INVALID` for missing tensors, and for lists of another catalog.
 */
export async function readPopularLists(path: string, itemCount: number): Promise<PopularLists> {
  const { tensors, metadata } = await readSafetensors(path);
  const described: unknown = JSON.parse(metadata['popular'] ?? 'null');
  const { lists, ...others } = parseWith(PopularIndex, described, { source: path });
  const length = lists.reduce((sum, list) => sum + list.length, 0);
  const items = readTensor(tensors, 'items', 'I32', length);
  const chosenBy = readTensor(tensors, 'chosenBy', 'I32', length);
  const unknown = items.find((item) => item < 1 || item > itemCount);
  if (unknown !== undefined) throw invalid(path, `item ${unknown} exceeds the ${itemCount} items of the bundle`);
  if (!lists.some(({ segment }) => segment === undefined)) throw invalid(path, 'there is no list of all users');
  let start = 0;
  return {
    ...others,
    lists: lists.map(({ length: listLength, ...list }) => {
      const end = start + listLength;
      const part = { items: items.subarray(start, end), chosenBy: chosenBy.subarray(start, end) };
      start = end;
      return { ...list, ...part };
    }),
  };
}

function joined(parts: readonly Int32Array[]): Int32Array {
  const whole = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let start = 0;
  for (const part of parts) {
    whole.set(part, start);
    start += part.length;
  }
  return whole;
}

function invalid(path: string, problem: string): AppError {
  return new AppError(`The popular items in ${path} do not match the bundle: ${problem}.`, {
    code: 'BUNDLE_INVALID',
    category: 'artifact',
    remedy: 'Rebuild it with facet index.',
  });
}

/** Selects popular items for a user. */
interface PopularQuery {
  /** By default, the default window of the bundle. An unavailable window is replaced by the next longer one. */
  readonly windowDays?: number | undefined;
  /** Attributes of the user, which determine the segments. */
  readonly attributes?: Attributes | undefined;
}

/** The popular items of a bundle, with or without its delta. */
export type Popular = ReturnType<typeof createPopular>;

/** @param itemsByPopularity Returns all items, most popular first. */
export function createPopular(lists: PopularLists, itemsByPopularity: () => Iterable<number>) {
  const encoders = lists.attributes.map(createFeatureEncoder);
  const ofAllUsers = lists.lists.filter(({ segment }) => segment === undefined);
  ofAllUsers.sort((a, b) => a.windowDays - b.windowDays);
  const ofSegments = new Map(
    lists.lists.flatMap((list) => (list.segment === undefined ? [] : [[keyOf(list.windowDays, list.segment), list]])),
  );

  function smallestSegment(windowDays: number, attributes: Attributes): PopularList | undefined {
    let smallest: PopularList | undefined;
    for (const { schema, encode } of encoders) {
      for (const row of encode(attributes[schema.name])) {
        const list = ofSegments.get(keyOf(windowDays, { attribute: schema.name, value: schema.values[row - 1]! }));
        if (list !== undefined && list.users < (smallest?.users ?? Infinity)) smallest = list;
      }
    }
    return smallest;
  }

  return {
    /**
     * Returns every item once: first the list of the segment, then the list of all users, then all other items by popularity. So
     * exclusions never exhaust the items. Uses the smallest of the user's segments that has a list, which is the most specific one.
     * Windows with too few users are replaced by the next longer one.
     */
    listFor({ windowDays = lists.windowDays[0]!, attributes = {} }: PopularQuery) {
      const general =
        ofAllUsers.find((list) => list.windowDays >= windowDays && list.users >= lists.minUsers) ?? ofAllUsers.at(-1)!;
      const specific = smallestSegment(general.windowDays, attributes);
      return {
        items: { [Symbol.iterator]: () => distinct(specific?.items ?? [], general.items, itemsByPopularity()) },
        windowDays: general.windowDays,
        /** The segment whose list comes first, and its users in the window; absent for all users. */
        segment: specific && { ...specific.segment!, users: specific.users },
      };
    },
  };
}

function keyOf(windowDays: number, { attribute, value }: Segment): string {
  return JSON.stringify([windowDays, attribute, value]);
}

/** Yields the items of the orders, each once. */
function* distinct(...orders: Iterable<number>[]): Generator<number> {
  const seen = new Set<number>();
  for (const order of orders) {
    for (const item of order) {
      if (seen.has(item)) continue;
      seen.add(item);
      yield item;
    }
  }
}
