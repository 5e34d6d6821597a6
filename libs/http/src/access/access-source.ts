import { AppError, readApiKeys } from '@facet/platform';
import type { AccessSource } from '@facet/platform';
import type { Access } from './access.ts';

/**
 * Whom to answer: the keys of the file, or anybody where that was said explicitly.
 *
 * @throws AppError `HTTP_KEYS_MISSING` when there are no keys; those of `readApiKeys`.
 */
export async function readAccess(source: AccessSource): Promise<Access> {
  if (source === 'anybody') return { kind: 'anybody' };
  const keys = await readApiKeys(source.keysFile);
  if (keys.length > 0) return { kind: 'keys', keys };
  throw new AppError(`There is no API key in ${source.keysFile} to check requests against.`, {
    code: 'HTTP_KEYS_MISSING',
    category: 'usage',
    remedy:
      'Make one with facet keys create, point FACET_API_KEYS_FILE at the file that has some, or set FACET_INSECURE=true ' +
      'to answer anybody.',
    context: { keysFile: source.keysFile },
  });
}
