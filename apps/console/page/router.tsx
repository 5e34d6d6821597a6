import { createRoute, createRouter, redirect } from '@tanstack/react-router';
import { Failure, Loading } from './parts/states.tsx';
import { rootRoute } from './root-route.tsx';
import type { RouterContext } from './root-route.tsx';
import { compareRoute } from './routes/compare/route.ts';
import { dataRoute } from './routes/data/route.ts';
import { docsRoute } from './routes/docs/route.ts';
import { experimentsRoute } from './routes/experiments/route.ts';
import { exploreRoute } from './routes/explore/route.ts';
import { healthRoute } from './routes/health/route.ts';
import { mapRoute } from './routes/map/route.ts';
import { refreshesRoute } from './routes/refreshes/route.ts';

const indexRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/explore' });
  },
});

const routeTree = rootRoute.addChildren([
  indexRoute,
  exploreRoute,
  mapRoute,
  compareRoute,
  refreshesRoute,
  dataRoute,
  docsRoute,
  experimentsRoute,
  healthRoute,
]);

/** Creates the router of the page. Search parameters are the permalinks. */
export function createPageRouter(context: RouterContext) {
  return createRouter({
    routeTree,
    context,
    defaultPreload: 'intent',
    defaultPendingComponent: Loading,
    defaultErrorComponent: ({ error, reset }) => <Failure error={error as Error} onRetry={reset} />,
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPageRouter>;
  }
}
