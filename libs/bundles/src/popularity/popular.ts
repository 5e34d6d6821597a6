import { createFeatureEncoder } from '@facet/features';
import type { Attributes } from '@facet/features';
import type { PopularList, PopularLists, Segment } from './popular-lists.ts';

/** Whom popular items are wanted for. */
interface PopularQuery {
  /** The default window of the bundle if it is left out; the next wider one where there is none of so many days. */
  readonly windowDays?: number | undefined;
  /** Of the user, who may be in segments by them. */
  readonly attributes?: Attributes | undefined;
}

export interface PopularItems {
  /**
   * Every item of the catalog once: first what the segment chose in the window, then what all users chose in it, then the
   * others in the order of the whole catalog. So whatever is excluded, the rest is there.
   */
  readonly items: Iterable<number>;
  /** The window that was taken. */
  readonly windowDays: number;
  /** The segment that comes first, and its users in the window; absent where all users do. */
  readonly segment?: Segment & { readonly users: number };
  /** How many of the users, of the segment if there is one, chose an item in the window; undefined beyond the kept list. */
  chosenBy(item: number): number | undefined;
}

/** The popular items of a bundle, or of a bundle and its delta. */
export interface Popular {
  /**
   * The popular items for a user: those of the smallest of the user's segments, and so the most particular one, that has
   * enough users in the window. A window in which too few chose anything at all is passed over for the next wider one.
   */
  listFor(query: PopularQuery): PopularItems;
}

/** @param itemsByPopularity all items. */
export function createPopular(lists: PopularLists, itemsByPopularity: () => Iterable<number>): Popular {
  const encoders = lists.attributes.map(createFeatureEncoder);
  const wholes = lists.lists.filter(({ segment }) => segment === undefined);
  wholes.sort((a, b) => a.windowDays - b.windowDays);
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
      const whole =
        wholes.find((list) => list.windowDays >= windowDays && list.users >= lists.minUsers) ?? wholes.at(-1)!;
      const list = smallestSegment(whole.windowDays, attributes);
      return {
        items: {
          [Symbol.iterator]: () => distinct(list?.items ?? [], whole.items, itemsByPopularity()),
        },
        windowDays: whole.windowDays,
        ...(list === undefined ? {} : { segment: { ...list.segment!, users: list.users } }),
        chosenBy(item) {
          const { items, chosenBy } = list ?? whole;
          const place = items.indexOf(item);
          return place < 0 ? undefined : chosenBy[place];
        },
      };
    },
  };
}

function keyOf(windowDays: number, { attribute, value }: Segment): string {
  return JSON.stringify([windowDays, attribute, value]);
}

function* distinct(...orders: Iterable<number>[]): Generator<number> {
  const given = new Set<number>();
  for (const order of orders) {
    for (const item of order) {
      if (given.has(item)) continue;
      given.add(item);
      yield item;
    }
  }
}
