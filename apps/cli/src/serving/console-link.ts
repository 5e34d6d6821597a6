import { AppError } from '@facet/platform';
import { facet } from '../command-context.ts';

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
 * Returns a link that opens the console. With a key, the link signs in once.
 *
 * @param path Where to start. Default: the first page.
 * @throws AppError `CONSOLE_UNREACHABLE`, `CONSOLE_KEY_REFUSED`.
 */
export async function createConsoleLink({ url, apiKey }: RunningConsole, path = '/'): Promise<string> {
  const base = url.replace(/\/$/, '');
  const [route, init] =
    apiKey === undefined ? ['/healthz', {}] : ['/session/codes', { method: 'POST', headers: { 'x-api-key': apiKey } }];
  const response = await fetch(base + route, { ...init, signal: AbortSignal.timeout(timeoutMs) }).catch(
    (error: unknown) => {
      throw new AppError(`No console responds at ${base}.`, {
        code: 'CONSOLE_UNREACHABLE',
        category: 'unavailable',
        remedy: `Start one with: ${facet === 'facet' ? 'facet demo' : 'npm start, or npm run console'}. Or set its address with --url.`,
        cause: error,
      });
    },
  );
  if (response.status === 401 || response.status === 403) {
    throw new AppError(`The console at ${base} refused the API key with status ${response.status}.`, {
      code: 'CONSOLE_KEY_REFUSED',
      category: 'usage',
      remedy: "Pass a key from the console's keys file with --api-key.",
    });
  }
  if (!response.ok) {
    throw new AppError(`${base} responded with status ${response.status}.`, {
      code: 'CONSOLE_UNREACHABLE',
      category: 'unavailable',
      remedy: 'Check that it is a Facet console and that it is ready.',
    });
  }
  if (apiKey === undefined) return path === '/' ? base : base + path;
  const { code } = (await response.json()) as { readonly code: string };
  return `${base}${path}#code=${code}`;
}
