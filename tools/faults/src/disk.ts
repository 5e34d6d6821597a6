import { spawnSync } from 'node:child_process';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Mounts a small tmpfs, at most until this process exits. Returns undefined without permission to mount (root). */
export async function mountSmallDisk(folder: string, megabytes: number) {
  await mkdir(folder, { recursive: true });
  const mounting = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  if (mounting.status !== 0) return undefined;
  const unmount = (): void => void spawnSync('umount', ['--lazy', folder]);
  process.once('exit', unmount);
  return {
    folder,
    unmount() {
      process.off('exit', unmount);
      unmount();
    },
  };
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
      const write = (): Promise<boolean> =>
        file.write(chunk).then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            if (error.code === 'ENOSPC') return false;
            throw error;
          },
        );
      while (await write());
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
