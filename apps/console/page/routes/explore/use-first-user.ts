import { useQuery } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useEffect } from 'react';
import { exampleUsersQuery } from '../../api/example-users.ts';
import { pages } from '../../../src/pages.ts';
import { hasUser } from './search.ts';
import type { ExploreSearch } from './search.ts';
import type { ChangeSearch } from './view.ts';

/** Shows the first example if the address names no user, or an empty history if there is none. */
export function useFirstUser(search: ExploreSearch, onChange: ChangeSearch) {
  const { data, error, refetch } = useQuery(exampleUsersQuery);
  const isChosen = hasUser(search);
  const router = useRouter();
  useEffect(() => {
    // The person may have chosen another page, which still loads.
    const hasLeft = router.latestLocation.pathname !== pages.explore.path;
    if (isChosen || hasLeft || data === undefined) return;
    const [example] = data.users;
    onChange(example === undefined ? { build: true } : { user: example.userId }, { replace: true });
  }, [isChosen, data, onChange, router]);
  return { error, retry: () => void refetch() };
}
