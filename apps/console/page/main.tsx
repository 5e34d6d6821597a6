import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueryClient, sessionQuery, signIn } from './api/queries.ts';
import { createPageRouter } from './router.tsx';
import { applyTheme } from './shell/shell.tsx';

applyTheme();
const queryClient = createQueryClient();
const linkError = await signInByLink();
const router = createPageRouter({ queryClient, linkError });
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
);

/** Exchanges the one-time code of a link, `#code=…`, for a session, and removes the code from the address and the history. */
async function signInByLink(): Promise<Error | undefined> {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code === null) return undefined;
  history.replaceState(history.state, '', `${location.pathname}${location.search}`);
  try {
    queryClient.setQueryData(sessionQuery.queryKey, await signIn({ code }));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
