import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { exampleUsersQuery } from '../../api/example-users.ts';
import { hasUser } from './search.ts';
import type { ExploreSearch } from './search.ts';
import type { ChangeSearch } from './view.ts';

/** Shows the first example if the address names no user, or an empty history if there is none. */
export function useFirstUser(search: ExploreSearch, onChange: ChangeSearch) {
  const { data, error, refetch } = useQuery(exampleUsersQuery);
  const isChosen = hasUser(search);
  useEffect(() => {
    if (isChosen || data === undefined) return;
    const [example] = data.users;
    onChange(example === undefined ? { build: true } : { user: example.userId }, { replace: true });
  }, [isChosen, data, onChange]);
  return { error, retry: () => void refetch() };
}
