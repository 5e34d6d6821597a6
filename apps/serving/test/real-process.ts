import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Home } from './fixtures.ts';

export interface RealProcess {
  readonly child: ChildProcess;
  /** The complete standard output and log, after the process has ended. */
  readonly output: Promise<string>;
  readonly log: Promise<string>;
  readonly exitCode: Promise<number | null>;
  /** The announcement of readiness. */
  readonly ready: Promise<{ readonly url: string; readonly bundleId: string }>;
}

/** Starts the real process, like the command line. */
export function startProcess(
  home: Pick<Home, 'folder'>,
  environment: Record<string, string>,
  args: readonly string[] = [],
): RealProcess {
  const child = fork(join(import.meta.dirname, '../dist/main.js'), args, {
    execArgv: [],
    env: { PATH: process.env['PATH'], FACET_HOME: home.folder, FACET_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const log = text(child.stderr!);
  const exitCode = once(child, 'exit').then(([code]) => code as number | null);
  const ready = new Promise<{ url: string; bundleId: string }>((resolve, reject) => {
    child.on('message', (message) => {
      const { type, ...facts } = message as { type: string; url: string; bundleId: string };
      if (type === 'ready') resolve(facts);
    });
    void exitCode.then(async (code) => reject(new Error(`it ended with ${code}: ${await log}`)));
  });
  // Does not keep the test alive.
  ready.catch(() => undefined);
  return { child, output: text(child.stdout!), log, exitCode, ready };
}

/** Lists the child processes of a process. */
export async function workersOf(pid: number): Promise<number[]> {
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const children = listed.split(' ').filter(Boolean).map(Number);
  const commands = await Promise.all(children.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8')));
  return children.filter((_, position) => commands[position]!.includes('serving/dist/main.js'));
}

export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

/**
 * Returns the status of a GET request on a new connection, which the supervisor hands to the workers in turn. Repeats a request that
 * a busy or starting process refuses.
 *
 * @throws Error if the connection is cut.
 */
export async function statusOf(url: string): Promise<number> {
  const response = await fetch(url, { headers: { connection: 'close' } });
  await response.text();
  return response.status === 503 ? statusOf(url) : response.status;
}

/** Opens a connection that stays open, so that one process serves all of its requests. */
export class KeptConnection {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  private constructor(url: string) {
    this.#url = url;
  }

  static async open(url: string): Promise<KeptConnection> {
    const connection = new KeptConnection(url);
    await connection.ask();
    return connection;
  }

  /**
   * Repeats a request that a busy process refuses.
   *
   * @throws Error if the connection is cut.
   */
  async ask<Body extends object = { readonly bundleId: string }>(
    asked: object = { userId: 'ada' },
    path = '/v1/recommendations',
  ): Promise<{ readonly status: number; readonly body: Body }> {
    const sent = request(`${this.#url}${path}`, {
      method: 'POST',
      agent: this.#agent,
      headers: { 'content-type': 'application/json' },
    });
    sent.end(JSON.stringify(asked));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const body = JSON.parse(await text(response)) as Body & { readonly code?: string };
    return body.code === 'OVERLOADED' ? this.ask(asked, path) : { status: response.statusCode!, body };
  }
}
