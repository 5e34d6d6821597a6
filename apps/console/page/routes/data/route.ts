import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { rootRoute } from '../../root-route.tsx';

export interface DataSearch {
  /** The UTC day whose health is shown; the newest by default. */
  readonly day?: string;
  /** Only dead letters with this reason. */
  readonly reason?: string | undefined;
}

export const dataRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/data',
  validateSearch: ({ day, reason }: Record<string, unknown>): DataSearch => ({
    ...(typeof day === 'string' && /^\d{4}-\d\d-\d\d$/.test(day) ? { day } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
  }),
  component: lazyRouteComponent(() => import('./page.tsx'), 'DataPage'),
});
