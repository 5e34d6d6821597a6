import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Ended {
  /** Undefined for a process killed by a signal. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly out: string;
  readonly err: string;
}

/** A `facet` process. */
export interface FacetProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Waits until standard output or error matches. @throws Error when the process ends first. */
  sees(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts the compiled `facet` in `folder`. The process ends with the test. */
export function startFacet(
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): FacetProcess {
  const started = spawnFacet(folder, args, environment);
  const { child, ended } = started;
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await ended;
    }
  });
  return started;
}

/** Runs `facet` and waits for its end. */
export async function facet(
  folder: string,
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
): Promise<Ended> {
  return spawnFacet(folder, args, environment).ended;
}

function spawnFacet(
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): FacetProcess {
  const entry = join(root, 'apps/cli/dist/main.js');
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: folder,
    env: { ...withoutFacet(process.env), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));
  let [out, err] = ['', ''];
  const waiting = new Set<() => void>();
  const notify = (): void => waiting.forEach((look) => look());
  child.stdout.setEncoding('utf8').on('data', (text: string) => ((out += text), notify()));
  child.stderr.setEncoding('utf8').on('data', (text: string) => ((err += text), notify()));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined, out, err }));
  });
  const sees = async (pattern: RegExp): Promise<RegExpExecArray> => {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(out) ?? pattern.exec(err);
        if (match === null) return;
        waiting.delete(look);
        resolve(match);
      };
      waiting.add(look);
      look();
      void ended.then(({ code }) =>
        reject(new Error(`facet exited with ${code} before it said ${pattern}:\n${out}\n${err}`)),
      );
    });
  };
  return { child, ended, sees };
}

/** Runs `facet … --json` successfully and returns its document. */
export async function facetJson<Document>(
  folder: string,
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
): Promise<Document> {
  const { code, out, err } = await facet(folder, [...args, '--json'], environment);
  if (code !== 0) throw new Error(`facet ${args.join(' ')} exited with ${code}:\n${out}\n${err}`);
  return JSON.parse(out) as Document;
}

/** Returns the environment without the variables of Facet, except the cache folder. */
function withoutFacet(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !name.startsWith('FACET_') || name === 'FACET_CACHE_DIR');
  return Object.fromEntries(kept);
}
