import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from '../api/session.ts';

/** Whether the key of the session has the scope `admin`. The APIs check it again. */
export function useMayChange(): boolean {
  return useQuery(sessionQuery).data?.scopes.includes('admin') ?? false;
}

/** Explains a disabled button. */
export const needsAdmin = 'This needs a key with the scope admin.';
