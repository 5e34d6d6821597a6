import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';
import { pages } from '../../src/pages.ts';
import type { PageName, PageSearch } from '../../src/pages.ts';

/** Changes some search parameters of a page; undefined removes one. */
export type ChangeSearch<Name extends PageName> = (
  changes: PageSearch<Name>,
  options?: { readonly replace?: boolean; readonly resetScroll?: boolean },
) => void;

/** Returns the search parameters of the current page, and the function that changes them. */
export function usePageSearch<Name extends PageName>(name: Name): readonly [PageSearch<Name>, ChangeSearch<Name>] {
  const navigate = useNavigate();
  const to = pages[name].path;
  const change: ChangeSearch<Name> = useCallback(
    (changes, options) =>
      void navigate({ to, search: (before: object) => ({ ...before, ...changes }), ...options } as never),
    [navigate, to],
  );
  return [useSearch({ strict: false } as never) as PageSearch<Name>, change];
}
