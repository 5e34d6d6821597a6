import { execFileSync } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pathExists } from '@facet/platform';
import { ensureEntry, findCacheRoot, hash } from '@facet/setup/cache';

const sources = fileURLToPath(new URL('../../jazzer', import.meta.url));

export interface Jazzer {
  /** The program, for Node.js. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Installs Jazzer.js from its own lock file, outside of the workspace, because nothing else needs its hundred packages. */
export async function installJazzer(): Promise<Jazzer> {
  const read = (name: string): Promise<string> => readFile(join(sources, name), 'utf8');
  const key = hash(await Promise.all(['package-lock.json', 'older-glibc.c'].map(read)));
  const folder = join(findCacheRoot(process.env), `jazzer-${key}`);
  await ensureEntry(folder, { signal: new AbortController().signal }, install);
  const library = join(folder, 'older-glibc.so');
  return {
    program: join(folder, 'node_modules', '@jazzer.js', 'core', 'dist', 'cli.js'),
    environment: (await pathExists(library)) ? { LD_PRELOAD: library } : {},
  };
}

async function install(folder: string): Promise<void> {
  await cp(sources, folder, { recursive: true });
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  const addon = join(folder, 'node_modules', '@jazzer.js', 'fuzzer', 'prebuilds', `fuzzer-linux-${process.arch}.node`);
  if (!canLoad(addon)) {
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', 'older-glibc.so', 'older-glibc.c'], { cwd: folder });
    const bytes = await readFile(addon);
    makeVersionsOptional(bytes, ['GLIBC_2.38', 'GLIBCXX_3.4.32']);
    await writeFile(addon, bytes);
  }
}

function canLoad(addon: string): boolean {
  try {
    execFileSync(process.execPath, ['-e', `require(${JSON.stringify(addon)})`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const versionNeeds = 0x6ffffffe;
const weak = 2;

/**
 * Marks versions of libraries as weak in an ELF file, so that the loader accepts a library without them. The addon of Jazzer.js needs
 * three functions of newer libraries, which `older-glibc.c` provides.
 */
function makeVersionsOptional(file: Buffer, versions: readonly string[]): void {
  const sections = Number(file.readBigUInt64LE(0x28));
  const [size, count] = [file.readUInt16LE(0x3a), file.readUInt16LE(0x3c)];
  const offsetOf = (section: number): number => Number(file.readBigUInt64LE(sections + section * size + 24));
  for (let section = 0; section < count; section++) {
    const header = sections + section * size;
    if (file.readUInt32LE(header + 4) !== versionNeeds) continue;
    const names = offsetOf(file.readUInt32LE(header + 40));
    for (let library = offsetOf(section), next = -1; next !== 0; library += next) {
      next = file.readUInt32LE(library + 12);
      let version = library + file.readUInt32LE(library + 8);
      for (let left = file.readUInt16LE(library + 2); left > 0; left--) {
        const name = names + file.readUInt32LE(version + 8);
        if (versions.includes(file.toString('latin1', name, file.indexOf(0, name)))) file[version + 4]! |= weak;
        version += file.readUInt32LE(version + 12);
      }
    }
  }
}
