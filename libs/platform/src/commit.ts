import { execFileSync } from 'node:child_process';

/** Returns the short id of the commit of a clone, with `-dirty` if files differ from it; undefined outside of a clone. */
export function readCommit(folder: string): string | undefined {
  try {
    const args = ['describe', '--always', '--dirty', '--exclude', '*'];
    return execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
