import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
