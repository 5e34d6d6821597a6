import { Autocomplete } from '@base-ui/react/autocomplete';
import type { components } from '@facet/client/serving-api';
import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query';
import type { UseQueryOptions } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { servingQuery } from '../api/fetch-api.ts';
import { nameOf } from './format.tsx';
import './search-box.css';

interface SearchBoxProps<Item> {
  /** The accessible name, and the placeholder. */
  readonly label: string;
  /** Returns the query for a text. It may be empty. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- The response and the key of the query are of no interest here.
  readonly search: (text: string) => UseQueryOptions<any, Error, readonly Item[], any>;
  readonly keyOf: (item: Item) => string;
  readonly nameOf: (item: Item) => string;
  /** Returns the text beside the name of an item. */
  readonly noteOf: (item: Item) => string;
  /** Called with the chosen item. The text is cleared. */
  readonly onPick: (item: Item) => void;
  readonly emptyText: string;
}

/** A text field that suggests what an API finds. Arrow keys and Enter choose. */
export function SearchBox<Item>({ label, search, keyOf, onPick, emptyText, ...texts }: SearchBoxProps<Item>) {
  const [text, setText] = useState('');
  const [isOpen, setOpen] = useState(false);
  const query = useDeferredValue(text.trim());
  const { data: items = [], error, isLoading } = useQuery({ ...search(query), enabled: isOpen });
  const status = isLoading ? 'Searching…' : (error?.message ?? (items.length === 0 ? emptyText : undefined));
  return (
    <Autocomplete.Root<Item>
      items={items}
      mode="none"
      autoHighlight="always"
      value={text}
      onValueChange={(value, { reason }) => reason !== 'item-press' && setText(value)}
      open={isOpen}
      onOpenChange={setOpen}
      openOnInputClick
      itemToStringValue={keyOf}
    >
      <Autocomplete.Input className="input search-input" aria-label={label} placeholder={label} />
      <Autocomplete.Portal>
        <Autocomplete.Positioner className="search-positioner" sideOffset={4} align="start">
          <Autocomplete.Popup className="search-popup">
            <Autocomplete.Status className="search-status muted small">{status}</Autocomplete.Status>
            <Autocomplete.List className="search-list">
              {(item: Item) => (
                <Autocomplete.Item
                  key={keyOf(item)}
                  value={item}
                  className="search-item"
                  onClick={() => {
                    setText('');
                    setOpen(false);
                    onPick(item);
                  }}
                >
                  <span className="truncate">{texts.nameOf(item)}</span>
                  <span className="muted small">{texts.noteOf(item)}</span>
                </Autocomplete.Item>
              )}
            </Autocomplete.List>
          </Autocomplete.Popup>
        </Autocomplete.Positioner>
      </Autocomplete.Portal>
    </Autocomplete.Root>
  );
}

type FoundItem = components['schemas']['ItemsResponse']['items'][number];

/** A text field that finds items by the words of their titles. */
export function ItemSearch(props: Pick<SearchBoxProps<FoundItem>, 'label' | 'noteOf' | 'onPick'>) {
  return (
    <SearchBox
      emptyText="No item has these words in its title."
      search={findItemsQuery}
      keyOf={({ itemId }) => itemId}
      nameOf={nameOf}
      {...props}
    />
  );
}

const findItemsQuery = (query: string) =>
  queryOptions({
    ...servingQuery('/v1/items', { query: { query, limit: '12' } }),
    select: ({ items }) => items,
    placeholderData: keepPreviousData,
  });
