import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { rootRoute } from '../../root-route.tsx';

/** The permalink of the map. */
export interface MapSearch {
  /** `popularity`, `firstSeen` or `attribute:<name>`. */
  readonly color?: string;
  /** The id of the user whose interests the map shows. */
  readonly user?: string;
  /** The id of the selected item. */
  readonly item?: string;
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;

export const mapRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/map',
  validateSearch: (search): MapSearch => ({
    color: textOf(search['color']),
    user: textOf(search['user']),
    item: textOf(search['item']),
  }),
  component: lazyRouteComponent(() => import('./page.tsx'), 'MapPage'),
});
