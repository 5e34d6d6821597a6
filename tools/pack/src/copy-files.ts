import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, readlink, stat, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

/**
 * Returns whether a file of `dist` is compiled from a file of `src`, or a part of the page. The others are build information and test fixtures that are
 * compiled next to `src`.
 */
export async function builtFromSource(folder: string): Promise<(file: string) => boolean> {
  const sources = new Set(await listFiles(join(folder, 'src')));
  return (file) => {
    // The page of the console, compiled by Vite.
    if (/^dist\/page\/[^.]/.test(file)) return true;
    const compiled = /^dist\/(?:src\/)?(.+)\.js$/.exec(file)?.[1];
    return compiled !== undefined && sources.has(`${compiled}.ts`);
  };
}

/** Larger files are hard-linked if possible: the TensorFlow library has 788 MB, and no build writes to it. */
const copiedBytesMax = 16 << 20;

/** Copies the needed files of a package, without packages nested in it. */
export async function copyFiles(from: string, to: string, isNeeded: (file: string) => boolean): Promise<void> {
  for (const file of (await listFiles(from)).filter(isNeeded)) {
    const [source, target] = [join(from, file), join(to, file)];
    await mkdir(dirname(target), { recursive: true });
    const linked = await readlink(source).catch(() => undefined);
    if (linked !== undefined && !isAbsolute(linked)) await symlink(linked, target);
    else if ((await stat(source)).size <= copiedBytesMax) await copyFile(source, target);
    else await link(source, target).catch(() => copyFile(source, target, constants.COPYFILE_FICLONE));
  }
}

/** Lists the files below a folder as relative paths, following links to folders. */
async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder);
  const found = await Promise.all(
    entries.map(async (name) => {
      const path = join(folder, name);
      const stats = await stat(path).catch(() => undefined);
      if (stats?.isDirectory() !== true) return stats === undefined ? [] : [name];
      return name === 'node_modules' ? [] : (await listFiles(path)).map((file) => join(name, file));
    }),
  );
  return found.flat().sort();
}
