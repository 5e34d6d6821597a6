import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { findItemsQuery } from './queries.ts';

/** Finds an item by its title. */
export function FindItem({ onPick }: { readonly onPick: (itemId: string) => void }) {
  const [text, setText] = useState('');
  const { data } = useQuery(findItemsQuery(useDeferredValue(text.trim())));
  const items = data?.items ?? [];
  const change = (value: string): void => {
    const picked = items.find(({ itemId, title }) => (title ?? itemId) === value);
    setText(picked === undefined ? value : '');
    if (picked !== undefined) onPick(picked.itemId);
  };
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        const [first] = items;
        if (first !== undefined) change(first.title ?? first.itemId);
      }}
    >
      <input
        className="input"
        list="found-items"
        aria-label="Find an item"
        placeholder="Find an item by title"
        autoComplete="off"
        value={text}
        onChange={({ target }) => change(target.value)}
      />
      <datalist id="found-items">
        {items.map(({ itemId, title }) => (
          <option key={itemId} value={title ?? itemId} />
        ))}
      </datalist>
    </form>
  );
}
