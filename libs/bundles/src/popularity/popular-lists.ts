import { readSafetensors, writeSafetensors } from '@facet/artifacts';
import { FeatureSchema } from '@facet/features';
import { AppError, parseWith } from '@facet/platform';
import { Type } from 'typebox';

/** Users with one value of an attribute. */
export interface Segment {
  readonly attribute: string;
  readonly value: string;
}

/** The most popular items of a window of days before the end of the data. */
export interface PopularList {
  readonly windowDays: number;
  /** Absent for all users. */
  readonly segment?: Segment;
  /** Users of the segment with an interaction in the window. */
  readonly users: number;
  /** Item indices, most users first, then by index. */
  readonly items: Int32Array;
  /** Number of users who interacted with each item. */
  readonly chosenBy: Int32Array;
}

/** The popular items of a bundle, by window and segment. */
export interface PopularLists {
  /** Window lengths in days before the end of the data, the default first. */
  readonly windowDays: readonly number[];
  /** Minimum number of users: smaller segments have no list, and windows with fewer users are skipped. */
  readonly minUsers: number;
  /** Attributes that define segments; numbers are segmented by bin. */
  readonly attributes: readonly FeatureSchema[];
  /** One list of all users per window, and lists of segments. */
  readonly lists: readonly PopularList[];
}

/** The lists of a catalog without interactions. */
export const noPopularLists: PopularLists = {
  windowDays: [7],
  minUsers: 1,
  attributes: [],
  lists: [{ windowDays: 7, users: 0, items: new Int32Array(0), chosenBy: new Int32Array(0) }],
};

/** Metadata of the file, as JSON: everything but the items, which are concatenated in tensors. */
const PopularIndex = Type.Object({
  windowDays: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1 }),
  minUsers: Type.Integer({ minimum: 1 }),
  attributes: Type.Array(FeatureSchema),
  lists: Type.Array(
    Type.Object({
      windowDays: Type.Integer({ minimum: 1 }),
      segment: Type.Optional(Type.Object({ attribute: Type.String(), value: Type.String() })),
      users: Type.Integer({ minimum: 0 }),
      length: Type.Integer({ minimum: 0 }),
    }),
  ),
});

/** Writes the lists to a new file: tensors `items` and `chosenBy`, and JSON metadata. */
export async function writePopularLists(path: string, popular: PopularLists): Promise<void> {
  const { lists, ...others } = popular;
  const index = {
    ...others,
    lists: lists.map(({ windowDays, segment, users, items }) => ({ windowDays, segment, users, length: items.length })),
  };
  const items = joined(lists.map((list) => list.items));
  const chosenBy = joined(lists.map((list) => list.chosenBy));
  await writeSafetensors(
    path,
    {
      items: { dtype: 'I32', shape: [items.length], data: items },
      chosenBy: { dtype: 'I32', shape: [chosenBy.length], data: chosenBy },
    },
    { popular: JSON.stringify(index) },
  );
}

/**
 * Reads the lists of a bundle.
 *
 * @param itemCount Number of items in the bundle.
 * @throws AppError `ARTIFACT_CORRUPT`, `CONFIG_INVALID`; `BUNDLE_INVALID` for lists of another catalog.
 */
export async function readPopularLists(path: string, itemCount: number): Promise<PopularLists> {
  const { tensors, metadata } = await readSafetensors(path);
  const described: unknown = JSON.parse(metadata['popular'] ?? 'null');
  const { lists, ...others } = parseWith(PopularIndex, described, { source: path });
  const { items, chosenBy } = tensors;
  const length = lists.reduce((sum, list) => sum + list.length, 0);
  if (
    items?.dtype !== 'I32' ||
    chosenBy?.dtype !== 'I32' ||
    [items, chosenBy].some(({ data }) => data.length !== length)
  ) {
    throw invalid(path, `the tensors do not contain the ${length} listed items`);
  }
  const unknown = items.data.find((item) => item < 1 || item > itemCount);
  if (unknown !== undefined) throw invalid(path, `item ${unknown} exceeds the ${itemCount} items of the bundle`);
  if (!lists.some(({ segment }) => segment === undefined)) throw invalid(path, 'there is no list of all users');
  let start = 0;
  return {
    ...others,
    lists: lists.map(({ length: listLength, ...list }) => {
      const end = start + listLength;
      const part = { items: items.data.subarray(start, end), chosenBy: chosenBy.data.subarray(start, end) };
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
