interface Listed {
  readonly itemId: string;
}

/** An item of a list, and where it was in the list before. */
export interface Change<Item> {
  readonly item: Item;
  /** Ranks up (positive) or down; 0 for the same rank. Undefined for an item that is new. */
  readonly moved: number | undefined;
}

export interface ListChanges<Item> {
  readonly items: readonly Change<Item>[];
  /** Items of the list before that are no longer in it, in their order. */
  readonly left: readonly Item[];
  /** The number of items that the list before did not have. */
  readonly entered: number;
}

/** Compares a list with the list before. Without one, no item has changed. */
export function compareLists<Item extends Listed>(
  now: readonly Item[],
  before: readonly Item[] | undefined,
): ListChanges<Item> {
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
