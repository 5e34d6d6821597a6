import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { rootRoute } from '../../root-route.tsx';

export const docsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/docs/$file',
  component: lazyRouteComponent(() => import('./page.tsx'), 'DocsPage'),
});
