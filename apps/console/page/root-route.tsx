import { useQuery } from '@tanstack/react-query';
import type { QueryClient } from '@tanstack/react-query';
import { createRootRouteWithContext } from '@tanstack/react-router';
import { sessionQuery } from './api/session.ts';
import { Failure, Loading } from './parts/states.tsx';
import { AppShell } from './shell/app-shell.tsx';
import { SignInView } from './shell/sign-in-view.tsx';

export interface RouterContext {
  readonly queryClient: QueryClient;
  /** Why the link in the address did not sign in. */
  readonly linkError: Error | undefined;
}

export const rootRoute = createRootRouteWithContext<RouterContext>()({
  component: Root,
});

/** Shows the pages after sign-in. */
function Root() {
  const { linkError } = rootRoute.useRouteContext();
  const { data, error, refetch } = useQuery(sessionQuery);
  if (data === undefined) {
    return error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />;
  }
  return data.isSignedIn ? <AppShell /> : <SignInView linkError={linkError} />;
}
