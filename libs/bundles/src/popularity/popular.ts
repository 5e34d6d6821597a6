import { createFeatureEncoder } from '@facet/features';
import type { Attributes } from '@facet/features';
import type { PopularList, PopularLists, Segment } from './popular-lists.ts';

/** Selects popular items for a user. */
interface PopularQuery {
  /** By default, the default window of the bundle. An unavailable window is replaced by the next longer one. */
  readonly windowDays?: number | undefined;
  /** Attributes of the user, which determine the segments. */
  readonly attributes?: Attributes | undefined;
}

export interface PopularItems {
  /**
   * Every item once: first the list of the segment, then the list of all users, then all other items by popularity. So
   * exclusions never exhaust the items.
   */
  readonly items: Iterable<number>;
  /** The window in use. */
  readonly windowDays: number;
  /** The segment whose list comes first, and its users in the window; absent for all users. */
  readonly segment?: (Segment & { readonly users: number }) | undefined;
}

/** The popular items of a bundle, with or without its delta. */
export interface Popular {
  /**
   * Returns the popular items for a user. Uses the smallest of the user's segments that has a list, which is the most
   * specific one. Windows with too few users are replaced by the next longer one.
   */
  listFor(query: PopularQuery): PopularItems;
}

/** @param itemsByPopularity Returns all items, most popular first. */
export function createPopular(lists: PopularLists, itemsByPopularity: () => Iterable<number>): Popular {
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
    listFor({ windowDays = lists.windowDays[0]!, attributes = {} }) {
      const general =
        ofAllUsers.find((list) => list.windowDays >= windowDays && list.users >= lists.minUsers) ?? ofAllUsers.at(-1)!;
      const specific = smallestSegment(general.windowDays, attributes);
      return {
        items: {
          [Symbol.iterator]: () => distinct(specific?.items ?? [], general.items, itemsByPopularity()),
        },
        windowDays: general.windowDays,
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
