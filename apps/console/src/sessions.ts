import { randomBytes } from 'node:crypto';
import { problemError } from '@facet/http';
import type { Access, HttpApp } from '@facet/http';
import { markerHeader } from '@facet/http/console-marker';
import { CodeResponse, linkRoutes, ProofRequest, ProofResponse } from '@facet/http/console-session';
import { answerChallenge, findApiKey, minuteMs, scopes } from '@facet/platform';
import type { ApiKey } from '@facet/platform';
import cookie from '@fastify/cookie';
import { defaults, seal, unseal } from 'iron-webcrypto';
import { Type } from 'typebox';
import { Session } from './schemas.ts';

/** The earliest end is forgotten above this number. */
const endedMax = 10_000;

interface SessionOptions {
  readonly secret: string;
  readonly ttlMs: number;
  /** The clock in epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Converts API keys to the text of session cookies and back. The server stores no sessions. It remembers the sessions that ended before
 * their time, in memory.
 */
export function createSessions({ secret, ttlMs, now }: SessionOptions) {
  const options = { ...defaults, ttl: ttlMs, timestampSkewSec: 0 };
  /** By session id, until when its text would open. Oldest first. */
  const ended = new Map<string, number>();
  const read = async (text: string) =>
    (await unseal(globalThis.crypto, text, secret, options).catch(() => undefined)) as
      { readonly apiKey?: string; readonly id?: string } | undefined;
  return {
    /** Encrypts and signs an API key. */
    seal: (apiKey: string): Promise<string> =>
      seal(globalThis.crypto, { apiKey, id: randomBytes(12).toString('base64url') }, secret, options),
    /** Returns the API key, or undefined if the text is damaged, expired, ended or sealed with another secret. */
    async open(text: string): Promise<string | undefined> {
      const { apiKey, id = '' } = (await read(text)) ?? {};
      return ended.has(id) ? undefined : apiKey;
    },
    /** Ends the session of this text before its time. */
    async end(text: string): Promise<void> {
      const { id } = (await read(text)) ?? {};
      if (id === undefined) return;
      ended.set(id, now() + ttlMs);
      for (const [oldest, until] of ended) {
        if (until > now() && ended.size <= endedMax) return;
        ended.delete(oldest);
      }
    },
  };
}

/** The oldest code is dropped at this number. */
const codesMax = 100;
/** Codes expire, so that a link in the history of a terminal cannot sign in later. */
const codeMs = 10 * minuteMs;

/** Creates one-time codes that map to API keys, for links. They are kept in memory. */
export function createLinkCodes({ now }: Pick<SessionOptions, 'now'>) {
  const codes = new Map<string, { readonly apiKey: string; readonly until: number }>();
  return {
    create(apiKey: string): string {
      const [oldest] = codes.keys();
      if (codes.size >= codesMax && oldest !== undefined) codes.delete(oldest);
      const code = randomBytes(18).toString('base64url');
      codes.set(code, { apiKey, until: now() + codeMs });
      return code;
    },
    /** Returns the API key of a code once. */
    redeem(code: string): string | undefined {
      const found = codes.get(code);
      codes.delete(code);
      return found !== undefined && found.until > now() ? found.apiKey : undefined;
    },
  };
}

interface SignIn {
  readonly sessions: ReturnType<typeof createSessions>;
  readonly codes: ReturnType<typeof createLinkCodes>;
  readonly access: Access;
  readonly isHttps: boolean;
  readonly sessionMs: number;
}

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
    linkRoutes.proofs,
    {
      config: { scope: 'open' },
      schema: {
        body: ProofRequest,
        response: { 200: ProofResponse },
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
    linkRoutes.codes,
    { config: { scope: 'any' }, schema: { response: { 200: CodeResponse } } },
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

function describe(key: ApiKey | undefined): Session {
  return key === undefined
    ? { isSignedIn: false, scopes: [] }
    : { isSignedIn: true, name: key.name, scopes: [...key.scopes] };
}
