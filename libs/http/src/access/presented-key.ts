import type { FastifyRequest } from 'fastify';

/**
 * Where a key may stand beside its headers.
 * `basic`: the password of Basic credentials. A browser sends them by itself, also when another site makes it: only for
 * pages that are read.
 * `query`: `?key=`. URLs end up in logs: only for keys that are public, those with origins. It is all that
 * `navigator.sendBeacon` leaves to a page.
 */
export type KeyPlace = 'basic' | 'query';

export interface PresentedKey {
  readonly text: string;
  readonly place: 'header' | KeyPlace;
}

/** The API key of a request: `x-api-key`, else `Authorization: Bearer`, else from the places named. */
export function presentedKey(request: FastifyRequest, places: readonly KeyPlace[]): PresentedKey | undefined {
  const own = request.headers['x-api-key'];
  if (typeof own === 'string' && own !== '') return { text: own, place: 'header' };
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return { text: credentials, place: 'header' };
  if (scheme.toLowerCase() === 'basic' && places.includes('basic')) {
    const [, password] = /^[^:]*:(.+)$/s.exec(Buffer.from(credentials, 'base64').toString('utf8')) ?? [];
    if (password !== undefined) return { text: password, place: 'basic' };
  }
  const { key } = request.query as { readonly key?: unknown };
  return places.includes('query') && typeof key === 'string' ? { text: key, place: 'query' } : undefined;
}
