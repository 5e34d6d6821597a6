import { spawn } from 'node:child_process';
import path from 'node:path';
import { plain } from './results.mjs';

export const root = path.resolve(import.meta.dirname, '..', '..');

/** Runs commands of the workspace and ends them, with all that they started, when this process is interrupted. */
export function createRunner() {
  /** @type {Set<number>} */
  const running = new Set();
  /** @type {number | undefined} */
  let exitCode;
  for (const [name, code] of /** @type {const} */ ([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])) {
    process.on(name, () => {
      exitCode = code;
      for (const pid of running) signalGroup(pid);
    });
  }

  return {
    /** The exit code of the signal that interrupted this process, if one did. */
    get exitCode() {
      return exitCode;
    },
    /**
     * @param {string} command A path, or the name of a program of an installed package.
     * @param {string[]} args
     * @param {(output: string) => void} [onOutput] Receives all output so far, whenever there is more.
     * @returns {Promise<{ ok: boolean, output: string }>}
     */
    async run(command, args, onOutput) {
      if (exitCode !== undefined) return { ok: true, output: '' };
      const child = spawn(path.isAbsolute(command) ? command : path.join(root, 'node_modules', '.bin', command), args, {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
        env: {
          ...process.env,
          NX_DAEMON: 'false',
          NX_TUI: 'false',
          NX_INTERACTIVE: 'false',
          FORCE_COLOR: '0',
          NO_COLOR: '1',
        },
      });
      const { pid } = child;
      if (pid !== undefined) running.add(pid);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
          output += text;
          onOutput?.(plain(output));
        });
      }
      const code = await new Promise((resolve) => {
        child.on('error', (error) => {
          output += String(error);
          resolve(1);
        });
        child.on('close', resolve);
      });
      if (pid !== undefined) running.delete(pid);
      return { ok: code === 0 || exitCode !== undefined, output: plain(output) };
    },
  };
}

/** @param {number} pid */
function signalGroup(pid) {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // The process has ended.
  }
}
