import type { FeatureSchema } from '@facet/features';

/** Users who have one value of an attribute in common. */
export interface Segment {
  readonly attribute: string;
  readonly value: string;
}

/** What many chose within some days before the end of the data. */
export interface PopularList {
  readonly windowDays: number;
  /** Absent: all users. */
  readonly segment?: Segment;
  /** Users, of the segment, who chose anything in the window. */
  readonly users: number;
  /** Item indices, most users first, equal ones by index. */
  readonly items: Int32Array;
  /** How many of the users chose each item. */
  readonly chosenBy: Int32Array;
}

/** The popular items of a bundle, by window and segment. */
export interface PopularLists {
  /** Days before the end of the data, the default first. */
  readonly windowDays: readonly number[];
  /** What fewer users chose says little of a segment: it has no list, and a window of fewer is passed over. */
  readonly minUsers: number;
  /** How users are put into segments; of a number, by its bin. */
  readonly attributes: readonly FeatureSchema[];
  /** One of all users for each window, and those of segments. */
  readonly lists: readonly PopularList[];
}

/** Those of a catalog that nobody has chosen anything from. */
export const noPopularLists: PopularLists = {
  windowDays: [7],
  minUsers: 1,
  attributes: [],
  lists: [{ windowDays: 7, users: 0, items: new Int32Array(0), chosenBy: new Int32Array(0) }],
};
