import { randomBytes } from 'node:crypto';
import { markerHeader } from '@facet/http/console-marker';
import { linkRoutes, parseCodeResponse, parseProofResponse } from '@facet/http/console-session';
import type { ProofRequest } from '@facet/http/console-session';
import { AppError, hashApiKey, proveApiKey } from '@facet/platform';
import { facet } from '../command.ts';

/** A console as noted in a data home. The file is readable by its owner only. */
export interface RunningConsole {
  readonly url: string;
  /** A key for which it creates links. Absent: the user signs in with a key. */
  readonly apiKey?: string;
}

const timeoutMs = 5_000;

/** Returns the path of the page that explores a user. */
export function explorePath(userId: string): string {
  // The page reads texts as JSON if they are JSON, such as long numbers.
  const value = String(Number(userId)) === userId ? userId : JSON.stringify(userId);
  return `/explore?user=${encodeURIComponent(value)}`;
}

/**
 * Returns a link that opens the console. With a key, the link signs in once. The key is sent only to a console that proves that it
 * knows the key: after a crash, another program may listen on the address.
 *
 * @param path Where to start. Default: the first page.
 * @throws AppError `CONSOLE_UNREACHABLE`, `CONSOLE_KEY_REFUSED`.
 */
export async function createConsoleLink({ url, apiKey }: RunningConsole, path = '/'): Promise<string> {
  const base = url.replace(/\/$/, '');
  const page = path === '/' ? base : base + path;
  if (apiKey === undefined) {
    await request(base, '/healthz', parseObject);
    return page;
  }
  const hash = hashApiKey(apiKey);
  const challenge = randomBytes(24).toString('base64url');
  const body: ProofRequest = { challenge, proof: proveApiKey(hash, 'caller', challenge) };
  const { proof } = await request(base, linkRoutes.proofs, parseProofResponse, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [markerHeader]: '1' },
    body: JSON.stringify(body),
  });
  // The console needs no key.
  if (proof === undefined) return page;
  if (proof !== proveApiKey(hash, 'server', challenge)) {
    throw keyRefused(base, 'did not prove that it knows the API key');
  }
  const init = { method: 'POST', headers: { 'x-api-key': apiKey } };
  const { code } = await request(base, linkRoutes.codes, parseCodeResponse, init);
  return `${base}${path}#code=${code}`;
}

const parseObject = (content: unknown): object | undefined =>
  typeof content === 'object' && content !== null ? content : undefined;

async function request<Parsed extends object>(
  base: string,
  route: string,
  parse: (content: unknown) => Parsed | undefined,
  init: RequestInit = {},
): Promise<Parsed> {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(base + route, { ...init, redirect: 'error', signal }).catch((error: unknown) => {
    throw new AppError(`No console responds at ${base}.`, {
      code: 'CONSOLE_UNREACHABLE',
      category: 'unavailable',
      remedy: `Start one with: ${facet === 'facet' ? 'facet demo' : 'npm start, or npm run console'}. Or set its address with --url.`,
      cause: error,
    });
  });
  if (response.status === 401 || response.status === 403) {
    throw keyRefused(base, `refused the API key with status ${response.status}`);
  }
  const content: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
  const parsed = parse(content);
  if (parsed !== undefined) return parsed;
  throw new AppError(`${base} responded with status ${response.status}, unlike a console.`, {
    code: 'CONSOLE_UNREACHABLE',
    category: 'unavailable',
    remedy: 'Check that it is a Facet console of this version and that it is ready.',
  });
}

function keyRefused(base: string, what: string): AppError {
  return new AppError(`The console at ${base} ${what}.`, {
    code: 'CONSOLE_KEY_REFUSED',
    category: 'usage',
    remedy:
      "Start the console again, or pass its address with --url and set FACET_API_KEY to a key of the console's keys file.",
  });
}
