import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { BundleView } from '@facet/bundles';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { describeOrigin, originFields } from '../response.ts';
import { strictQueryField } from '../request-fields.ts';

/** The query of the routes that search items and users. All values of a URL query are text. */
export const SearchQuery = Type.Object({
  query: Type.Optional(Type.String({ maxLength: 256, examples: ['film 7'] })),
  limit: Type.Optional(
    Type.String({ pattern: '^([1-9][0-9]?|100)$', description: 'From 1 to 100. Default: 20.', examples: ['5'] }),
  ),
  strict: strictQueryField,
});
export type SearchQuery = Static<typeof SearchQuery>;

export type SearchRequest = Readonly<ReturnType<typeof parseSearchQuery>>;

export function parseSearchQuery({ query = '', limit = '20' }: SearchQuery) {
  return { query, limit: Number(limit) };
}

const FoundCatalogItem = Type.Object(
  {
    itemId: Type.String(),
    title: Type.Optional(Type.String()),
    available: Type.Boolean({ description: 'Whether the item may be recommended.' }),
  },
  { title: 'FoundCatalogItem' },
);

export const ItemsResponse = Type.Object(
  {
    ...originFields,
    items: Type.Array(FoundCatalogItem, {
      description: 'Best match first; of equal matches, the most popular item first.',
    }),
  },
  {
    title: 'ItemsResponse',
    description: 'Items of the catalog.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        items: [{ itemId: 'film-7', title: 'The film 7', available: true }],
      },
    ],
  },
);
export type ItemsResponse = Static<typeof ItemsResponse>;

/**
 * Finds items by title or id. An item with exactly this id comes first. Without a query, returns the most popular items.
 *
 * @param openTitles returns the index of the titles. Building it takes a second for a million items, so it is called only if needed.
 */
export async function respondWithItems(
  { query, limit }: SearchRequest,
  { bundle, openTitles }: { readonly bundle: BundleView; readonly openTitles: () => Promise<TitleIndex> },
): Promise<ItemsResponse> {
  const wanted = query.trim();
  const exact = bundle.indexOf(wanted);
  const matching =
    wanted === '' ? firstOf(bundle.itemsByPopularity(), limit) : await (await openTitles()).search(wanted, limit);
  const items = exact === undefined ? matching : [exact, ...matching.filter((item) => item !== exact)];
  return {
    ...describeOrigin(bundle),
    items: items.slice(0, limit).map((item) => ({
      itemId: bundle.idOf(item),
      title: bundle.titleOf(item),
      available: !bundle.unavailable.has(item),
    })),
  };
}

function firstOf<Value>(values: Iterable<Value>, count: number): Value[] {
  const first: Value[] = [];
  for (const value of values) {
    if (first.length === count) break;
    first.push(value);
  }
  return first;
}

type TitleIndex = Awaited<ReturnType<typeof buildTitleIndex>>;

/** Items whose normalized titles are in one buffer. */
interface Segment {
  /** UTF-8; a line for each item. */
  readonly text: Buffer;
  /** [n + 1] starts of the lines. */
  readonly offsets: Int32Array;
  /** [n] item indices, most popular first. */
  readonly items: Int32Array;
}

/** A segment is searched without a pause. Small enough for a millisecond, large enough that pauses cost nothing. */
const itemsPerSegment = 8_192;
/** Titles normalized without a pause, which takes several milliseconds. */
const titlesPerTurn = 1_024;
/** The most popular items that match are ranked, and further ones ignored: a short query matches most of the catalog. */
const candidatesMax = 1_000;

/**
 * Builds an index of the titles of a bundle. An item without a title is found by its id. Titles are in the order of popularity, so a
 * search ends early for frequent words, and a rare word is one pass over the bytes.
 */
export async function buildTitleIndex(bundle: BundleView) {
  const segments: Segment[] = [];
  let [items, lines]: [number[], string[]] = [[], []];
  const close = (): void => {
    segments.push(encodeSegment(items, lines));
    [items, lines] = [[], []];
  };
  for (const item of bundle.itemsByPopularity()) {
    items.push(item);
    lines.push(`${normalize(nameOf(bundle, item))}\n`);
    if (items.length % titlesPerTurn === 0) await yieldToEventLoop();
    if (items.length === itemsPerSegment) close();
  }
  close();
  return {
    /** Returns item indices, best first. All words must occur in the title, in any order. */
    search: (query: string, limit: number) => searchSegments(bundle, segments, query, limit),
  };
}

function encodeSegment(items: readonly number[], lines: readonly string[]): Segment {
  const offsets = new Int32Array(lines.length + 1);
  lines.forEach((line, row) => (offsets[row + 1] = offsets[row]! + Buffer.byteLength(line)));
  return { text: Buffer.from(lines.join('')), offsets, items: Int32Array.from(items) };
}

async function searchSegments(
  bundle: BundleView,
  segments: readonly Segment[],
  query: string,
  limit: number,
): Promise<number[]> {
  const words = normalize(query)
    .split(' ')
    .filter((word) => word !== '');
  // The longest word is the rarest.
  const [longest, ...others] = words.map((word) => Buffer.from(word)).sort((a, b) => b.length - a.length);
  if (longest === undefined) return [];
  const found: number[] = [];
  for (const segment of segments) {
    for (const row of matchingRows(segment, longest)) {
      const line = segment.text.subarray(segment.offsets[row], segment.offsets[row + 1]);
      if (others.every((word) => line.includes(word))) found.push(segment.items[row]!);
      if (found.length === candidatesMax) break;
    }
    if (found.length === candidatesMax) break;
    await yieldToEventLoop();
  }
  const phrase = words.join(' ');
  const ranked = found.map((item) => ({ item, rank: rankOf(normalize(nameOf(bundle, item)), phrase, words) }));
  return ranked
    .sort((a, b) => a.rank - b.rank)
    .slice(0, limit)
    .map(({ item }) => item);
}

function* matchingRows({ text, offsets }: Segment, word: Buffer): Generator<number> {
  for (let at = text.indexOf(word); at !== -1;) {
    const row = rowAt(offsets, at);
    yield row;
    at = text.indexOf(word, offsets[row + 1]);
  }
}

function rowAt(offsets: Int32Array, position: number): number {
  let [low, high] = [0, offsets.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle]! <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Ranks the whole title first, then its start, then starts of words. Equal ranks keep the order of popularity. */
function rankOf(title: string, phrase: string, words: readonly string[]): number {
  if (title === phrase) return 0;
  if (title.startsWith(phrase)) return 1;
  return words.every((word) => title.startsWith(word) || title.includes(` ${word}`)) ? 2 : 3;
}

function nameOf(bundle: BundleView, item: number): string {
  return bundle.titleOf(item) ?? bundle.idOf(item);
}

/** Ignores case, accents, and which white space separates words. */
function normalize(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036F]/g, '')
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .trim();
}
