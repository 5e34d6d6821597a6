import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { rootRoute } from '../../root-route.tsx';

export interface ExperimentsSearch {
  /** The shown experiment; the first running one by default. */
  readonly name?: string;
  /** Hours after a response in which outcomes count; 24 by default. */
  readonly windowHours?: number;
}

export const experimentsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/experiments',
  validateSearch: ({ name, windowHours }: Record<string, unknown>): ExperimentsSearch => ({
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof windowHours === 'number' && windowHours > 0 && windowHours < 10_000 ? { windowHours } : {}),
  }),
  component: lazyRouteComponent(() => import('./page.tsx'), 'ExperimentsPage'),
});
