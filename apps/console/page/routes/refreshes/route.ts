import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { rootRoute } from '../../root-route.tsx';

export interface RefreshesSearch {
  /** The shown run; the newest by default. */
  readonly run?: string;
  /** The traced artifact; the newest of the shown run by default. */
  readonly artifact?: string | undefined;
}

export const refreshesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/refreshes',
  validateSearch: ({ run, artifact }: Record<string, unknown>): RefreshesSearch => ({
    ...(typeof run === 'string' ? { run } : {}),
    ...(typeof artifact === 'string' && /^[0-9a-f]{32}$/.test(artifact) ? { artifact } : {}),
  }),
  component: lazyRouteComponent(() => import('./page.tsx'), 'RefreshesPage'),
});
