import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { rootRoute } from '../../root-route.tsx';

export const refreshesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/refreshes',
  component: lazyRouteComponent(() => import('./page.tsx'), 'RefreshesPage'),
});
