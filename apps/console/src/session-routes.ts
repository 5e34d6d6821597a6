import { problemError } from '@facet/http';
import type { Access, HttpApp } from '@facet/http';
import { answerChallenge, findApiKey, scopes } from '@facet/platform';
import type { ApiKey } from '@facet/platform';
import cookie from '@fastify/cookie';
import { Type } from 'typebox';
import type { LinkCodes, Sessions } from './sessions.ts';

export interface SignIn {
  readonly sessions: Sessions;
  readonly codes: LinkCodes;
  readonly access: Access;
  readonly isHttps: boolean;
  readonly sessionMs: number;
}

/** A header that only scripts of this origin can send. Required from browsers on every request that changes something. */
const markerHeader = 'x-facet-console';
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Browsers send a cookie to all ports of a host, so each console of a machine has its own cookie. */
const cookieName = ({ port }: { readonly port: number | null }): string => `facet-session-${port || 'web'}`;

/** Puts the API key of the session cookie into `x-api-key`, where access control and the APIs read it. */
export async function addSessions(app: HttpApp, { sessions }: SignIn): Promise<void> {
  await app.register(cookie);
  app.addHook('onRequest', async (request) => {
    const { headers, method } = request;
    // Programs send a key. Other sites cannot make a browser send it, but browsers send the password of a proxy by themselves.
    if (headers['x-api-key'] !== undefined || /^bearer /i.test(headers.authorization ?? '')) return;
    if (!safeMethods.has(method) && headers[markerHeader] === undefined) {
      throw problemError('FORBIDDEN', `The request lacks the header ${markerHeader}.`, {
        remedy: `Send ${markerHeader}: 1, or an API key in x-api-key.`,
      });
    }
    const text = request.cookies[cookieName(request)];
    const apiKey = text === undefined ? undefined : await sessions.open(text);
    if (apiKey !== undefined) headers['x-api-key'] = apiKey;
  });
}

const Session = Type.Object({
  isSignedIn: Type.Boolean(),
  /** The name of the API key; absent if the APIs need no key. */
  name: Type.Optional(Type.String()),
  scopes: Type.Array(Type.String()),
});

/** Adds the routes to sign in, to sign out, and to create links. */
export function addSessionRoutes(app: HttpApp, { sessions, codes, access, isHttps, sessionMs }: SignIn): void {
  const findKey = (text: unknown): ApiKey | undefined =>
    typeof text === 'string' && access.kind === 'keys' ? findApiKey(text, access.keys, Date.now()) : undefined;

  app.get('/session', { config: { scope: 'open' }, schema: { response: { 200: Session } } }, ({ headers }) => {
    if (access.kind === 'anybody') return { isSignedIn: true, scopes: [...scopes] };
    return describe(findKey(headers['x-api-key']));
  });

  app.post(
    '/session',
    {
      config: { scope: 'open' },
      schema: {
        body: Type.Object({ key: Type.Optional(Type.String()), code: Type.Optional(Type.String()) }),
        response: { 200: Session },
      },
    },
    async (request, reply) => {
      const { code, key } = request.body;
      const text = code === undefined ? key?.trim() : codes.redeem(code);
      const found = findKey(text);
      if (text === undefined || found === undefined) {
        throw problemError(
          'UNAUTHORIZED',
          code === undefined ? 'The API key is not known.' : 'The link was used or is too old.',
          {
            remedy: code === undefined ? 'Create a key with facet keys create.' : 'Get a new link with facet open.',
          },
        );
      }
      if (found.origins !== undefined) {
        throw problemError('FORBIDDEN', `Key ${found.name} is public: it works only from the origins of a website.`, {
          remedy: 'Sign in with a key without origins.',
        });
      }
      reply.setCookie(cookieName(request), await sessions.seal(text), {
        path: '/',
        httpOnly: true,
        sameSite: 'strict',
        secure: isHttps,
        maxAge: Math.floor(sessionMs / 1000),
      });
      return describe(found);
    },
  );

  app.delete(
    '/session',
    { config: { scope: 'open' }, schema: { response: { 200: Session } } },
    async (request, reply) => {
      const text = request.cookies[cookieName(request)];
      if (text !== undefined) await sessions.end(text);
      reply.clearCookie(cookieName(request), { path: '/' });
      return describe(undefined);
    },
  );

  app.post(
    '/session/proofs',
    {
      config: { scope: 'open' },
      schema: {
        body: Type.Object({ challenge: Type.String({ maxLength: 128 }), proof: Type.String({ maxLength: 128 }) }),
        // Absent: the console needs no key.
        response: { 200: Type.Object({ proof: Type.Optional(Type.String()) }) },
      },
    },
    ({ body }) => {
      if (access.kind === 'anybody') return {};
      const proof = answerChallenge(body, access.keys, Date.now());
      if (proof === undefined) throw problemError('UNAUTHORIZED', 'The API key is not known.');
      return { proof };
    },
  );

  app.post(
    '/session/codes',
    { config: { scope: 'any' }, schema: { response: { 200: Type.Object({ code: Type.String() }) } } },
    async ({ headers, cookies, port }) => {
      const key = headers['x-api-key'];
      // A code of a session would open sessions that outlive it.
      if (typeof key !== 'string' || cookies[cookieName({ port })] !== undefined) {
        throw problemError('FORBIDDEN', 'Only an API key in x-api-key creates a link.', {
          remedy: 'Send the key in x-api-key, without a session cookie.',
        });
      }
      return { code: codes.create(key) };
    },
  );
}

function describe(key: ApiKey | undefined): { isSignedIn: boolean; name?: string; scopes: string[] } {
  return key === undefined
    ? { isSignedIn: false, scopes: [] }
    : { isSignedIn: true, name: key.name, scopes: [...key.scopes] };
}
