import { readSafetensors, writeSafetensors } from '@facet/artifacts';
import { FeatureSchema } from '@facet/features';
import { AppError, parseWith } from '@facet/platform';
import { Type } from 'typebox';

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

/** What the metadata of the file say, as JSON: all but the items of the lists, which lie behind each other in the tensors. */
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

/** Writes the lists to a new file: tensors `items` and `chosenBy`, and the rest as JSON in the metadata. */
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
 * @param itemCount of the bundle.
 * @throws AppError `ARTIFACT_CORRUPT`, `CONFIG_INVALID`; `BUNDLE_INVALID` for lists that are not of so many items.
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
    throw invalid(path, `it does not hold the ${length} items that it lists`);
  }
  const unknown = items.data.find((item) => item < 1 || item > itemCount);
  if (unknown !== undefined) throw invalid(path, `it lists item ${unknown} of ${itemCount}`);
  if (!lists.some(({ segment }) => segment === undefined)) throw invalid(path, 'it has no list of all users');
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
  return new AppError(`The popular items of ${path} do not fit the bundle: ${problem}.`, {
    code: 'BUNDLE_INVALID',
    category: 'artifact',
    remedy: 'Rebuild it with facet index.',
  });
}
