import { join, resolve } from 'node:path';
import { AppError, readApiKeys } from '@facet/platform';
import { Type } from 'typebox';
import type { Access } from './access.ts';

/** The part of an app's environment that says whom it answers. */
export const accessVariables = {
  /** The keys that are accepted. Default: `keys.yaml` in FACET_HOME. */
  FACET_API_KEYS_FILE: Type.Optional(Type.String()),
  /** `true` answers anybody, without a key. */
  FACET_INSECURE: Type.Union([Type.Literal('true'), Type.Literal('false')], { default: 'false' }),
};

/** Where it stands whom to answer. */
export type AccessSource = { readonly keysFile: string } | 'anybody';

/** @throws AppError `CONFIG_INVALID` when keys are named, and nobody is to need one. */
export function chooseAccessSource(
  variables: { readonly FACET_API_KEYS_FILE?: string; readonly FACET_INSECURE: 'true' | 'false' },
  home: string,
): AccessSource {
  const { FACET_API_KEYS_FILE: keysFile, FACET_INSECURE: insecure } = variables;
  if (insecure === 'false') return { keysFile: resolve(keysFile ?? join(home, 'keys.yaml')) };
  if (keysFile === undefined) return 'anybody';
  throw new AppError('FACET_INSECURE=true contradicts FACET_API_KEYS_FILE.', {
    code: 'CONFIG_INVALID',
    category: 'usage',
    remedy: 'Set one of them.',
  });
}

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
