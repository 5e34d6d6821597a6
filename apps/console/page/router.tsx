import { useQuery } from '@tanstack/react-query';
import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import type { ComponentType } from 'react';
import { pages, parseSearch } from '../src/pages.ts';
import type { PageName, PageSearch } from '../src/pages.ts';
import { exampleUsersQuery, sessionQuery } from './api/queries.ts';
import { Failure, Loading } from './parts/states.tsx';
import { AppShell, SignInView } from './shell/shell.tsx';

interface RouterContext {
  readonly queryClient: QueryClient;
  /** Why the link in the address did not sign in. */
  readonly linkError: Error | undefined;
}

const rootRoute = createRootRouteWithContext<RouterContext>()({ component: Root });

/** Shows the pages after sign-in. */
function Root() {
  const { linkError } = rootRoute.useRouteContext();
  const { data, error, refetch } = useQuery(sessionQuery);
  if (data === undefined) {
    return error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />;
  }
  return data.isSignedIn ? <AppShell /> : <SignInView linkError={linkError} />;
}

const startRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/explore' });
  },
});

/** The component of each page, one chunk of the script per page. */
const modules = import.meta.glob<{ readonly Content: ComponentType }>('./routes/*/page.tsx');

function createPageRoute<Name extends PageName>(name: Name) {
  const { path, search }: { readonly path: (typeof pages)[Name]['path'] } & Pick<(typeof pages)[PageName], 'search'> =
    pages[name];
  return createRoute({
    getParentRoute: () => rootRoute,
    path,
    validateSearch: (given: Record<string, unknown>) => parseSearch(search, given) as PageSearch<Name>,
    loader: ({ context: { queryClient } }) => void (name === 'explore' && requestFirst(queryClient)),
    component: lazyRouteComponent(modules[`./routes/${name}/page.tsx`]!, 'Content'),
  });
}

/** Requests what Explore shows first while its script loads. The page shows failures. */
async function requestFirst(client: QueryClient): Promise<void> {
  const session = await client.ensureQueryData(sessionQuery).catch(() => undefined);
  if (session?.isSignedIn === true) await client.prefetchQuery(exampleUsersQuery);
}

const pageRoutes = Object.fromEntries(
  (Object.keys(pages) as PageName[]).map((name) => [name, createPageRoute(name)]),
) as unknown as { readonly [Name in PageName]: ReturnType<typeof createPageRoute<Name>> };

const routeTree = rootRoute.addChildren({ startRoute, ...pageRoutes });

/** Creates the router of the page. */
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
