import type { QueryClient } from '@tanstack/react-query';
import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { exampleUsersQuery } from '../../api/example-users.ts';
import { sessionQuery } from '../../api/session.ts';
import { rootRoute } from '../../root-route.tsx';
import { parseExploreSearch } from './search.ts';

export const exploreRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/explore',
  validateSearch: parseExploreSearch,
  loader: ({ context: { queryClient } }) => void requestFirst(queryClient),
  component: lazyRouteComponent(() => import('./page.tsx'), 'ExplorePage'),
});

/** Requests what the page shows first, while its script loads. The page shows failures. */
async function requestFirst(client: QueryClient): Promise<void> {
  const session = await client.ensureQueryData(sessionQuery).catch(() => undefined);
  if (session?.isSignedIn === true) await client.prefetchQuery(exampleUsersQuery);
}
