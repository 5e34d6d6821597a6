import { findItemsQuery } from '../../api/find-items.ts';
import { SearchBox } from '../../parts/search-box.tsx';

/** Finds an item by its title. */
export function FindItem({ onPick }: { readonly onPick: (itemId: string) => void }) {
  return (
    <SearchBox
      label="Find an item"
      placeholder="Find an item by title"
      emptyText="No item has these words in its title."
      search={findItemsQuery}
      itemsOf={({ items }) => items}
      keyOf={({ itemId }) => itemId}
      render={({ itemId, title }) => (
        <>
          <span className="truncate">{title ?? itemId}</span>
          <span className="muted small">{itemId}</span>
        </>
      )}
      onPick={({ itemId }) => onPick(itemId)}
    />
  );
}
