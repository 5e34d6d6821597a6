import { Autocomplete } from '@base-ui/react/autocomplete';
import { useQuery } from '@tanstack/react-query';
import type { UseQueryOptions } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import type { ReactNode } from 'react';
import './search-box.css';

interface SearchBoxProps<Item, Response> {
  /** The accessible name. */
  readonly label: string;
  readonly placeholder: string;
  /** Returns the query for a text. It may be empty. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- The key of the query is of no interest here.
  readonly search: (text: string) => UseQueryOptions<Response, Error, Response, any>;
  readonly itemsOf: (response: Response) => readonly Item[];
  readonly keyOf: (item: Item) => string;
  readonly render: (item: Item) => ReactNode;
  /** Called with the chosen item. The text is cleared. */
  readonly onPick: (item: Item) => void;
  readonly emptyText: string;
}

/** A text field that suggests what an API finds. Arrow keys and Enter choose. */
export function SearchBox<Item, Response>(props: SearchBoxProps<Item, Response>) {
  const { label, placeholder, search, itemsOf, keyOf, render, onPick, emptyText } = props;
  const [text, setText] = useState('');
  const [isOpen, setOpen] = useState(false);
  const query = useDeferredValue(text.trim());
  const { data, error, isFetching } = useQuery({ ...search(query), enabled: isOpen });
  const items = data === undefined ? [] : itemsOf(data);
  const status = describe(error, isFetching && data === undefined, items.length === 0 ? emptyText : undefined);
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
      <Autocomplete.Input className="input search-input" aria-label={label} placeholder={placeholder} />
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
                  {render(item)}
                </Autocomplete.Item>
              )}
            </Autocomplete.List>
          </Autocomplete.Popup>
        </Autocomplete.Positioner>
      </Autocomplete.Portal>
    </Autocomplete.Root>
  );
}

function describe(error: Error | null, isLoading: boolean, emptyText: string | undefined): string | undefined {
  if (isLoading) return 'Searching…';
  return error === null ? emptyText : error.message;
}
