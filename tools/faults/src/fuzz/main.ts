import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logProgress, option, readCommandLine } from '@facet/local-services';
import { pathExists } from '@facet/platform';
import { ensureEntry, findCacheRoot, hash } from '@facet/setup/cache';
import { endWithRows, onlyOption, playEach, suiteOptions } from '../suite.ts';
import { seeds } from './seeds.ts';

const sources = join(import.meta.dirname, '../../jazzer');

/** Installs Jazzer.js from its own lock file, outside of the workspace, because nothing else needs its hundred packages. */
async function installJazzer() {
  const read = (name: string): Promise<string> => readFile(join(sources, name), 'utf8');
  const key = hash(await Promise.all(['package-lock.json', 'older-glibc.c'].map(read)));
  const folder = join(findCacheRoot(process.env), `jazzer-${key}`);
  await ensureEntry(folder, { signal: new AbortController().signal }, install);
  const library = join(folder, 'older-glibc.so');
  return {
    /** The program, for Node.js. */
    program: join(folder, 'node_modules', '@jazzer.js', 'core', 'dist', 'cli.js'),
    environment: (await pathExists(library)) ? { LD_PRELOAD: library } : {},
  };
}

async function install(folder: string): Promise<void> {
  await cp(sources, folder, { recursive: true });
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  const addon = join(folder, 'node_modules', '@jazzer.js', 'fuzzer', 'prebuilds', `fuzzer-linux-${process.arch}.node`);
  const canLoad = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(addon)})`]).status === 0;
  if (!canLoad) {
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', 'older-glibc.so', 'older-glibc.c'], { cwd: folder });
    const bytes = await readFile(addon);
    makeVersionsOptional(bytes, ['GLIBC_2.38', 'GLIBCXX_3.4.32']);
    await writeFile(addon, bytes);
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

const parsers = Object.entries(seeds).map(([name, inputs]) => ({ name, inputs }));
const { values } = readCommandLine({
  options: {
    seconds: option.number('Time for each parser', 60),
    only: onlyOption('parsers', parsers),
    ...suiteOptions,
  },
  notes: `A finding is an error that is not an AppError, an input that takes longer than ten seconds, or a process that ends. Its input is in
the folder that is printed. The first run installs Jazzer.js.

Exit code: 0 without findings, 1 otherwise.`,
});

const targets = join(import.meta.dirname, 'targets.js');
const jazzer = await installJazzer();
const folder = await mkdtemp(join(tmpdir(), 'facet-fuzz-parsers-'));
const rows = await playEach(parsers, values.only, async ({ name, inputs }) => {
  const corpus = join(folder, name);
  await mkdir(corpus);
  for (const [at, input] of inputs.entries()) await writeFile(join(corpus, `seed-${at}`), input);
  return fuzz(name, corpus);
});
if (rows.every(({ problems }) => problems.length === 0)) await rm(folder, { recursive: true });
else logProgress(`Inputs of findings: ${folder}`);
endWithRows(values.json, rows);

function fuzz(name: string, corpus: string) {
  const args = [jazzer.program, targets, corpus, '--fuzzEntryPoint', name, '--timeout', '10000', '--'];
  args.push(`-max_total_time=${values.seconds}`, `-seed=${values.seed}`, '-max_len=16384', '-rss_limit_mb=4096');
  const { status, stderr, stdout } = spawnSync(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...jazzer.environment },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const inputs = Number(/Done (\d+) runs/.exec(stderr)?.[1] ?? 0);
  const edges = Number([...stderr.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? 0);
  const isPassed = status === 0 && inputs > 0;
  if (!isPassed) logProgress(`${stdout}${stderr}`.slice(-8_000));
  return { name, inputs, edges, problems: isPassed ? [] : [`ended with code ${status} after ${inputs} inputs`] };
}
