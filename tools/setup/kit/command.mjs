import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { CommandFailure, Interrupted } from './failure.mjs';

const TAIL_LINES = 12;
const MAX_CAPTURED_CHARS = 4_000_000;

/**
 * @typedef {object} RunOptions
 * @property {string} logFile Everything the command prints is appended here.
 * @property {AbortSignal} signal Ends the command and all its children.
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] Added to the environment of this process.
 * @property {(line: string) => void} [onLine] Sees each line as it comes.
 * @property {NodeJS.Signals} [stopWith] Signal that stops the command (default: SIGTERM).
 * @property {number} [graceMs] Time before SIGKILL (default: 5 s).
 */

/** @typedef {typeof runCommand} CommandRunner */

/**
 * Runs a command and returns its standard output.
 * The command gets a separate process group, so that a stop also stops its children.
 *
 * @param {readonly string[]} argv
 * @param {RunOptions} options
 * @returns {Promise<string>}
 * @throws {CommandFailure} when it cannot be started or does not exit with 0
 * @throws {Interrupted} when the signal is aborted
 */
export async function runCommand(argv, options) {
  const { logFile, signal, onLine } = options;
  if (signal.aborted) throw new Interrupted();
  const [file = '', ...args] = argv;
  const command = argv.map(quote).join(' ');
  fs.mkdirSync(path.dirname(logFile), { recursive: true });
  const log = fs.openSync(logFile, 'a');
  fs.writeSync(log, `$ ${command}\n`);

  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  /** @param {NodeJS.Signals} name */
  const signalGroup = (name) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // The group has ended already.
    }
  };
  /** @type {NodeJS.Timeout | undefined} */
  let killTimer;
  const stop = () => {
    signalGroup(options.stopWith ?? 'SIGTERM');
    killTimer = setTimeout(() => signalGroup('SIGKILL'), options.graceMs ?? 5_000);
  };
  signal.addEventListener('abort', stop, { once: true });

  /** @type {string[]} */
  const tail = [];
  let stdout = '';
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    const takeLine = (/** @type {string} */ line) => {
      if (line.trim() === '') return;
      tail.push(line.length > 400 ? `${line.slice(0, 400)}…` : line);
      if (tail.length > TAIL_LINES) tail.shift();
      onLine?.(line);
    };
    stream.setEncoding('utf8');
    stream.on('data', (/** @type {string} */ text) => {
      try {
        fs.writeSync(log, text);
      } catch {
        // A full disk: the command itself will say so.
      }
      if (stream === child.stdout && stdout.length < MAX_CAPTURED_CHARS) stdout += text;
      const lines = (rest + text).split(/[\r\n]+/);
      rest = lines.pop() ?? '';
      lines.forEach(takeLine);
    });
    stream.on('end', () => takeLine(rest));
  }

  try {
    const reason = await new Promise((resolve) => {
      child.on('error', (/** @type {NodeJS.ErrnoException} */ error) =>
        resolve(error.code === 'ENOENT' ? 'command not found' : error.message),
      );
      child.on('close', (code, by) =>
        resolve(code === 0 ? '' : code === null ? `ended by ${by}` : `exit code ${code}`),
      );
    });
    if (signal.aborted) throw new Interrupted();
    if (reason !== '') throw new CommandFailure({ command, reason, logFile, tail });
    return stdout;
  } finally {
    signal.removeEventListener('abort', stop);
    clearTimeout(killTimer);
    fs.closeSync(log);
  }
}

/** @param {string} argument */
function quote(argument) {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
