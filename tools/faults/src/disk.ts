import { execFile } from 'node:child_process';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface SmallDisk {
  readonly folder: string;
  unmount(): Promise<void>;
}

/** Mounts a small tmpfs. Returns undefined without permission to mount (root). */
export async function mountSmallDisk(folder: string, megabytes: number): Promise<SmallDisk | undefined> {
  await mkdir(folder, { recursive: true });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  } catch {
    return undefined;
  }
  return { folder, unmount: async () => void (await run('umount', ['--lazy', folder])) };
}

/** Decreasing chunk sizes; the last one fills the remaining bytes. */
const chunkBytes = [1 << 20, 1 << 12, 1];

/** Writes a file until the disk is full. Returns its path. */
export async function fillDisk(folder: string): Promise<string> {
  const path = join(folder, 'ballast');
  const file = await open(path, 'w');
  try {
    for (const bytes of chunkBytes) {
      const chunk = Buffer.alloc(bytes);
      for (;;) {
        const isWritten = await file.write(chunk).then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            if (error.code === 'ENOSPC') return false;
            throw error;
          },
        );
        if (!isWritten) break;
      }
    }
  } finally {
    await file.close();
  }
  return path;
}

/** Flips one byte of one file of an artifact. Returns the file name. */
export async function flipByte(folder: string, choose: (bound: number) => number): Promise<string> {
  const files: { name: string; size: number }[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const { size } = await stat(join(folder, name));
    if (size > 0 && name !== 'manifest.json') files.push({ name, size });
  }
  const { name, size } = files[choose(files.length)]!;
  const file = await open(join(folder, name), 'r+');
  try {
    const position = choose(size);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, position);
    byte[0]! ^= 0xff;
    await file.write(byte, 0, 1, position);
  } finally {
    await file.close();
  }
  return name;
}
