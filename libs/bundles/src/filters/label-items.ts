import type { BundleView } from '../bundle/bundle-info.ts';
import { codeOf } from '../items/attribute-columns.ts';
import type { AttributeColumn } from '../items/attribute-columns.ts';

/** An attribute value that describes a group of items. */
interface ItemLabel {
  readonly attribute: string;
  readonly value: string;
  /** Share of the group with the value. */
  readonly share: number;
  /** Ratio of that share to the share among all items of the bundle. */
  readonly lift: number;
}

const labelsMax = 3;
/** A value that fewer of the items have does not describe the group. */
const shareMin = 0.3;

/**
 * Describes a group of items by attribute values that are frequent in the group and rare in the bundle, best first
 * (share × log lift). Considers texts and list entries. Ignores values without a letter, and values that only one of
 * several items has. Often empty, because many catalogs have no descriptive values.
 */
export function labelItems(view: BundleView, items: Iterable<number>): ItemLabel[] {
  const countsByAttribute = new Map<string, Map<string, number>>();
  let count = 0;
  for (const item of items) {
    count++;
    for (const [attribute, value] of Object.entries(view.itemAt(item).attributes)) {
      if (typeof value !== 'string' && typeof value !== 'object') continue;
      for (const text of new Set(typeof value === 'string' ? [value] : value)) {
        const counts = countsByAttribute.get(attribute) ?? new Map<string, number>();
        countsByAttribute.set(attribute, counts.set(text, (counts.get(text) ?? 0) + 1));
      }
    }
  }
  const labels: ItemLabel[] = [];
  for (const [attribute, counts] of countsByAttribute) {
    for (const [value, withValue] of counts) {
      const share = withValue / count;
      if (share < shareMin || withValue < Math.min(2, count) || !/\p{L}/u.test(value)) continue;
      // Items of the delta may have values that no item of the bundle has.
      const inBundle = Math.max(countInBundle(view.catalog.columns, attribute, value), 1);
      const lift = share / (inBundle / Math.max(view.catalog.itemCount, 1));
      if (lift > 1) labels.push({ attribute, value, share, lift });
    }
  }
  const strengthOf = ({ share, lift }: ItemLabel): number => share * Math.log(lift);
  return labels.sort((a, b) => strengthOf(b) - strengthOf(a) || compareLabels(a, b)).slice(0, labelsMax);
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
