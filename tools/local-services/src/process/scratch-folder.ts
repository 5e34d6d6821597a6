import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface ScratchFolder {
  path: string;
  remove(): Promise<void>;
}

/** Removes the folder twice, because a dying process may still write during the first attempt. */
const REMOVE_AT_END_OF_INPUT = 'cat > /dev/null; rm -rf "$1" 2> /dev/null || { sleep 1; rm -rf "$1"; }';

/**
 * Creates a temporary folder that is removed when this process ends for any reason: a shell waits for the end of a
 * pipe, which the kernel closes.
 */
export async function createScratchFolder(name: string): Promise<ScratchFolder> {
  const folder = await mkdtemp(path.join(tmpdir(), `facet-${name}-`));
  const keeper = spawn('sh', ['-c', REMOVE_AT_END_OF_INPUT, 'sh', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Ctrl-C must reach only this process.
    detached: true,
  });
  keeper.unref();
  (keeper.stdin as Socket).unref();
  return {
    path: folder,
    async remove() {
      if (keeper.exitCode !== null) return;
      const exited = once(keeper, 'exit');
      keeper.ref();
      keeper.stdin.end();
      await exited;
    },
  };
}
