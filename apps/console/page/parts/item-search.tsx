import type { components } from '@facet/client/serving-api';
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { dataOf, serving } from '../api/fetch-api.ts';
import { SearchBox } from './search-box.tsx';

type FoundItem = components['schemas']['ItemsResponse']['items'][number];

interface ItemSearchProps {
  readonly label: string;
  readonly placeholder: string;
  /** Returns the text beside the title of an item. */
  readonly noteOf: (item: FoundItem) => string;
  /** Called with the chosen item. */
  readonly onPick: (item: FoundItem) => void;
}

/** A text field that finds items by the words of their titles. */
export function ItemSearch({ label, placeholder, noteOf, onPick }: ItemSearchProps) {
  return (
    <SearchBox
      label={label}
      placeholder={placeholder}
      emptyText="No item has these words in its title."
      search={findItemsQuery}
      itemsOf={({ items }) => items}
      keyOf={({ itemId }) => itemId}
      render={(item) => (
        <>
          <span className="truncate">{item.title ?? item.itemId}</span>
          <span className="muted small">{noteOf(item)}</span>
        </>
      )}
      onPick={onPick}
    />
  );
}

const findItemsQuery = (query: string) =>
  queryOptions({
    queryKey: ['find-items', query],
    queryFn: ({ signal }) => dataOf(serving.GET('/v1/items', { params: { query: { query, limit: '12' } }, signal })),
    placeholderData: keepPreviousData,
  });
