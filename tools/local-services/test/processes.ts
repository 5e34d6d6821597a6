import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Runs a file of this project, compiled or in TypeScript, in a separate process. */
export function runScript(file: string, env: NodeJS.ProcessEnv): ChildProcess {
  const script = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const loader = file.endsWith('.ts') ? ['--conditions=@facet/source', '--import', 'tsx'] : [];
  return spawn(process.execPath, [...loader, script], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Returns the output of a process once it matches the pattern. */
export function printed(stream: NodeJS.ReadableStream | null, pattern: RegExp): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    stream?.on('data', (chunk) => {
      text += chunk;
      if (pattern.test(text)) resolve(text);
    });
    stream?.on('end', () => reject(new Error(`ended after: ${text}`)));
  });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
