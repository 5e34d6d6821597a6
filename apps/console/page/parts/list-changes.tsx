import type { RecommendedItem } from '@facet/client/serving-api';
import { countOf } from './format.tsx';

/** An item of a list, and where it was in the list before. */
export interface Change {
  readonly item: RecommendedItem;
  /** Places up (positive) or down; 0 for the same place. Undefined for an item that is new. */
  readonly moved: number | undefined;
}

export interface ListChanges {
  readonly items: readonly Change[];
  /** Items of the list before that are no longer in it, in their order. */
  readonly left: readonly RecommendedItem[];
  /** The number of items that the list before did not have. */
  readonly entered: number;
}

/** Compares a list with the list before. Without one, no item has changed. */
export function findChanges(
  now: readonly RecommendedItem[],
  before: readonly RecommendedItem[] | undefined,
): ListChanges {
  if (before === undefined) return { items: now.map((item) => ({ item, moved: 0 })), left: [], entered: 0 };
  const indexBefore = new Map(before.map(({ itemId }, index) => [itemId, index]));
  const items = now.map((item, index) => {
    const previous = indexBefore.get(item.itemId);
    return { item, moved: previous === undefined ? undefined : previous - index };
  });
  const listed = new Set(now.map(({ itemId }) => itemId));
  return {
    items,
    left: before.filter(({ itemId }) => !listed.has(itemId)),
    entered: items.filter(({ moved }) => moved === undefined).length,
  };
}

/** Says where an item was in the list before. */
export function Moved({ moved }: Pick<Change, 'moved'>) {
  if (moved === undefined) return <span className="badge good">entered</span>;
  if (moved === 0) return <span />;
  const places = countOf(Math.abs(moved), 'place');
  return (
    <span className="muted small numeric" title={`${places} ${moved > 0 ? 'up' : 'down'}`}>
      {moved > 0 ? '↑' : '↓'}
      {Math.abs(moved)}
    </span>
  );
}
