import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** From large to small: the last of them leaves no block free. */
const chunkBytes = [1 << 20, 1 << 12, 1];

/** Writes a file until there is no space left beside it; gives its path. */
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

/** Changes one byte of one file of an artifact; gives the file's name. */
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
