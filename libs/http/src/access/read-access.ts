import { AppError, readApiKeys } from '@facet/platform';
import type { Access } from './access.ts';

/**
 * Who is to be answered: the keys of a file, or anybody where that was said explicitly.
 *
 * @throws AppError `HTTP_KEYS_MISSING` when there are no keys; those of `readApiKeys`.
 */
export async function readAccess(wanted: { readonly keysFile: string } | 'anybody'): Promise<Access> {
  if (wanted === 'anybody') return { kind: 'anybody' };
  const keys = await readApiKeys(wanted.keysFile);
  if (keys.length > 0) return { kind: 'keys', keys };
  throw new AppError(`There is no API key in ${wanted.keysFile} to check requests against.`, {
    code: 'HTTP_KEYS_MISSING',
    remedy:
      'Make one with facet keys create, point FACET_API_KEYS_FILE at the file that has some, or set FACET_INSECURE=true ' +
      'to answer anybody.',
    context: wanted,
  });
}
