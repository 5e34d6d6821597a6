import { titleFeatureName } from '@facet/features';
import type { BundleView } from '../bundle/bundle-info.ts';
import { codeOf } from '../items/attribute-columns.ts';
import type { AttributeColumn } from '../items/attribute-columns.ts';

/** An attribute value, or a word of titles, that describes a group of items. */
interface ItemLabel {
  /** `title` for a word. */
  readonly attribute: string;
  readonly value: string;
  /** Share of the group with the value. */
  readonly share: number;
  /** Ratio of that share to the share among all items of the bundle, or in another group if that is higher. */
  readonly lift: number;
}

const labelsMax = 3;
/** A value that fewer of the items have does not describe the group. Words of titles vary more than attributes. */
const shareMin = { attribute: 0.2, word: 0.15 };
/** A word of fewer items may be in their titles by chance. */
const wordItemsMin = 3;
/** A value that is almost as frequent in the bundle, or in another group, does not distinguish the group. */
const liftMin = { bundle: 1.25, group: 1.1 };

/**
 * Describes each group of items by values that are frequent in it, and rare in the bundle and in the other groups, best first
 * (share × log lift). No value describes two groups. Considers texts, list entries, and words of titles. Ignores values without a letter,
 * and values that only one of several items has. Often empty, because many catalogs have no descriptive values.
 */
export function labelGroups(view: BundleView, groups: readonly Iterable<number>[]): ItemLabel[][] {
  const counted = groups.map((items) => countValues(view, items));
  const shareIn = ({ counts, size }: CountedGroup, key: string): number =>
    (counts.get(key)?.count ?? 0) / Math.max(size, 1);
  return counted.map((group) => {
    const labels: ItemLabel[] = [];
    const others = counted.filter((other) => other !== group);
    for (const [key, { attribute, value, count }] of group.counts) {
      const share = count / group.size;
      const isWord = attribute === titleFeatureName;
      if (share < (isWord ? shareMin.word : shareMin.attribute)) continue;
      if (count < (isWord ? wordItemsMin : Math.min(2, group.size)) || !/\p{L}/u.test(value)) continue;
      // Items of the delta may have values that no item of the bundle has.
      const inBundle = isWord ? shareOfWord(view, value) : shareInBundle(view, attribute, value);
      const inOther = Math.max(0, ...others.map((other) => shareIn(other, key)));
      if (share < liftMin.bundle * inBundle || share < liftMin.group * inOther) continue;
      labels.push({ attribute, value, share, lift: share / Math.max(inBundle, inOther) });
    }
    const strengthOf = ({ share, lift }: ItemLabel): number => share * Math.log(lift);
    labels.sort((a, b) => strengthOf(b) - strengthOf(a) || compareLabels(a, b));
    // A word of titles can repeat an attribute value.
    const lowered = labels.map(({ value }) => value.toLowerCase());
    return labels.filter((_, at) => lowered.indexOf(lowered[at]!) === at).slice(0, labelsMax);
  });
}

interface CountedGroup {
  readonly size: number;
  /** The values of the group, by attribute and value. */
  readonly counts: Map<string, { readonly attribute: string; readonly value: string; count: number }>;
}

function countValues(view: BundleView, items: Iterable<number>): CountedGroup {
  const counts: CountedGroup['counts'] = new Map();
  let size = 0;
  for (const item of items) {
    size++;
    const { title = '', attributes } = view.itemAt(item);
    for (const [attribute, value] of Object.entries({ ...attributes, [titleFeatureName]: wordsOf(title) })) {
      if (typeof value !== 'string' && typeof value !== 'object') continue;
      for (const text of new Set(typeof value === 'string' ? [value] : value)) {
        const key = JSON.stringify([attribute, text]);
        const known = counts.get(key);
        if (known === undefined) counts.set(key, { attribute, value: text, count: 1 });
        else known.count++;
      }
    }
  }
  return { size, counts };
}

/** Shorter words, such as articles, describe nothing. */
const wordLengthMin = 4;

function wordsOf(title: string): string[] {
  return (title.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => word.length >= wordLengthMin);
}

/** The words of a sample of titles, by the number of titles with the word. */
const sampled = new WeakMap<
  BundleView['catalog'],
  { readonly counts: ReadonlyMap<string, number>; readonly titles: number }
>();
/** Counting the words of all titles of a large catalog would take seconds. */
const sampledTitles = 5_000;

/** Returns the share of the items of the bundle whose title has a word, estimated from a sample. */
function shareOfWord({ catalog }: BundleView, word: string): number {
  let sample = sampled.get(catalog);
  if (sample === undefined) {
    const counts = new Map<string, number>();
    const step = Math.max(1, Math.floor(catalog.itemCount / sampledTitles));
    let titles = 0;
    for (let item = 1; item <= catalog.itemCount; item += step, titles++) {
      for (const each of new Set(wordsOf(catalog.titleOf(item) ?? ''))) counts.set(each, (counts.get(each) ?? 0) + 1);
    }
    sample = { counts, titles: Math.max(1, titles) };
    sampled.set(catalog, sample);
  }
  return Math.max(1, sample.counts.get(word) ?? 0) / sample.titles;
}

/** Returns the share of the items of the bundle with a value, at least that of one item. */
function shareInBundle({ catalog }: BundleView, attribute: string, value: string): number {
  return Math.max(1, countInBundle(catalog.columns, attribute, value)) / Math.max(catalog.itemCount, 1);
}

/** Returns how many items of the bundle have a value. */
function countInBundle(columns: readonly AttributeColumn[], attribute: string, value: string): number {
  let count = 0;
  for (const column of columns) {
    if (column.name !== attribute || !('values' in column)) continue;
    count += column.values.counts[codeOf(column.values, value) - 1] ?? 0;
  }
  return count;
}

function compareLabels(a: ItemLabel, b: ItemLabel): number {
  return a.attribute === b.attribute ? (a.value < b.value ? -1 : 1) : a.attribute < b.attribute ? -1 : 1;
}
