import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import { pages } from '../../src/pages.ts';
import type { PageName, PageSearch } from '../../src/pages.ts';

interface ChangeOptions {
  /** Makes no new entry in the history. */
  readonly replace?: boolean;
  readonly resetScroll?: boolean;
}

/** Changes some search parameters of a page; undefined removes one. */
type ChangeSearch<Name extends PageName> = (changes: PageSearch<Name>, options?: ChangeOptions) => void;

export const inPlace: ChangeOptions = { replace: true };
export const withoutScroll: ChangeOptions = { resetScroll: false };

/** Returns the search parameters of the current page, and the function that changes them. `defaults` must not change. */
export function usePageSearch<Name extends PageName>(
  name: Name,
  defaults?: ChangeOptions,
): readonly [PageSearch<Name>, ChangeSearch<Name>] {
  const navigate = useNavigate();
  const to = pages[name].path;
  const change: ChangeSearch<Name> = useCallback(
    (changes, options) =>
      void navigate({
        to,
        search: (before: object) => ({ ...before, ...changes }),
        ...defaults,
        ...options,
      } as never),
    [navigate, to, defaults],
  );
  return [useSearch({ strict: false } as never) as PageSearch<Name>, change];
}
