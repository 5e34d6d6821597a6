import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/**
 * Runs a compiled script in a separate process, with `parameters` as its JSON argument.
 *
 * @returns the JSON that the script prints
 */
export async function runInChild<Result>(script: URL, parameters: readonly unknown[]): Promise<Result> {
  const path = fileURLToPath(script);
  const child = spawn(process.execPath, [...process.execArgv, path, JSON.stringify(parameters)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`${path} exited with ${String(code)}.`);
  return JSON.parse(output) as Result;
}

/** A process that responds to lines on its standard input with lines of JSON. It is idle between the calls of `ask`. */
export interface LineProcess {
  /** Sends a line, if one is given, and returns the next line of output. */
  ask<Reply>(line?: string): Promise<Reply>;
  /** Ends the input and waits for the end of the process. */
  stop(): Promise<void>;
}

export function startLineProcess(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): LineProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask<Reply>(line?: string) {
      if (line !== undefined) child.stdin.write(`${line}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${command} ${args.join(' ')} exited with ${await ended}.`);
      return JSON.parse(value) as Reply;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
