import type { BundleView } from '../bundle/bundle-view.ts';
import { codeOf } from '../items/attribute-columns.ts';
import type { AttributeColumn } from '../items/attribute-columns.ts';

/** A value that says what some items have in common. */
interface ItemLabel {
  readonly attribute: string;
  readonly value: string;
  /** The part of the items that carry it. */
  readonly share: number;
  /** How many times more often they carry it than the items of the bundle do. */
  readonly lift: number;
}

interface LabelOptions {
  /** Most labels; 3 by default. */
  readonly max?: number;
  /** Of the items that must carry a value, 0.3 by default. */
  readonly shareMin?: number;
}

/**
 * What sets some items apart from the others, in words of the catalog: texts and entries of lists that many of them carry and
 * the bundle's items carry less often, those first that tell the most (share × log lift). Often empty: many catalogs have
 * no such words. A value that only one of several items carries tells nothing, nor does one without a letter.
 */
export function labelItems(view: BundleView, items: Iterable<number>, options: LabelOptions = {}): ItemLabel[] {
  const { max = 3, shareMin = 0.3 } = options;
  const carriers = new Map<string, Map<string, number>>();
  let count = 0;
  for (const item of items) {
    count++;
    for (const [attribute, value] of Object.entries(view.itemAt(item).attributes)) {
      if (typeof value !== 'string' && typeof value !== 'object') continue;
      for (const text of new Set(typeof value === 'string' ? [value] : value)) {
        const values = carriers.get(attribute) ?? new Map<string, number>();
        carriers.set(attribute, values.set(text, (values.get(text) ?? 0) + 1));
      }
    }
  }
  const labels: ItemLabel[] = [];
  for (const [attribute, values] of carriers) {
    for (const [value, carrying] of values) {
      const share = carrying / count;
      if (share < shareMin || carrying < Math.min(2, count) || !/\p{L}/u.test(value)) continue;
      // The delta's items may carry what no item of the bundle does.
      const carryingAll = Math.max(carriersOf(view.catalog.columns, attribute, value), 1);
      const lift = share / (carryingAll / Math.max(view.catalog.itemCount, 1));
      if (lift > 1) labels.push({ attribute, value, share, lift });
    }
  }
  const telling = ({ share, lift }: ItemLabel): number => share * Math.log(lift);
  return labels.sort((a, b) => telling(b) - telling(a) || compareLabels(a, b)).slice(0, max);
}

/** How many items of the bundle carry a value. */
function carriersOf(columns: readonly AttributeColumn[], attribute: string, value: string): number {
  let carrying = 0;
  for (const column of columns) {
    if (column.name !== attribute || !('values' in column)) continue;
    carrying += column.values.counts[codeOf(column.values, value) - 1] ?? 0;
  }
  return carrying;
}

function compareLabels(a: ItemLabel, b: ItemLabel): number {
  return a.attribute === b.attribute ? (a.value < b.value ? -1 : 1) : a.attribute < b.attribute ? -1 : 1;
}
