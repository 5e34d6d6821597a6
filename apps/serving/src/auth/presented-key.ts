import type { IncomingHttpHeaders } from 'node:http';

/** The API key of a request: `x-api-key`, else `Authorization: Bearer`, else the password of `Authorization: Basic`. */
export function presentedKey(
  headers: IncomingHttpHeaders,
  options: { readonly acceptBasic: boolean },
): string | undefined {
  const own = headers['x-api-key'];
  if (typeof own === 'string' && own !== '') return own;
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+)$/.exec(headers.authorization ?? '') ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return credentials;
    case 'basic': {
      if (!options.acceptBasic) return undefined;
      const [, password] = /^[^:]*:(.+)$/s.exec(Buffer.from(credentials, 'base64').toString('utf8')) ?? [];
      return password;
    }
    default:
      return undefined;
  }
}
