import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { json, logProgress, option, printResults, readCommandLine } from '@facet/local-services';
import { alignColumns, pathExists } from '@facet/platform';
import { ensureEntry, findCacheRoot, hash } from '@facet/setup/cache';
import { seeds } from './seeds.ts';

const sources = fileURLToPath(new URL('../../jazzer', import.meta.url));

interface Jazzer {
  /** The program, for Node.js. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Installs Jazzer.js from its own lock file, outside of the workspace, because nothing else needs its hundred packages. */
async function installJazzer(): Promise<Jazzer> {
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

const { values } = readCommandLine({
  usage: 'npm run test:faults -- fuzz-parsers',
  summary: 'Fuzz the parsers of files, cursors and Kafka batches, guided by the code that each input reaches',
  options: {
    seconds: option.number('Time for each parser', 60),
    seed: option.seed('Seed of the inputs', 1),
    only: option.text('TEXT', `Fuzz the parsers whose name contains TEXT: ${Object.keys(seeds).join(', ')}`, ''),
    json,
  },
  notes: `A finding is an error that is not an AppError, an input that takes longer than ten seconds, or a process that ends. Its input is in
the folder that is printed. The first run installs Jazzer.js.

Exit code: 0 without findings, 1 otherwise.`,
});

const targets = fileURLToPath(new URL('targets.js', import.meta.url));
const jazzer = await installJazzer();
const folder = await mkdtemp(join(tmpdir(), 'facet-fuzz-parsers-'));
const rows: { readonly parser: string; readonly inputs: number; readonly edges: number; readonly isPassed: boolean }[] =
  [];
for (const [parser, inputs] of Object.entries(seeds)) {
  if (!parser.includes(values.only)) continue;
  logProgress(parser);
  const corpus = join(folder, parser);
  await mkdir(corpus);
  for (const [at, input] of inputs.entries()) await writeFile(join(corpus, `seed-${at}`), input);
  rows.push({ parser, ...fuzz(parser, corpus) });
}
const isPassed = rows.length > 0 && rows.every((row) => row.isPassed);
const cells = rows.map(({ parser, inputs, edges, isPassed }) => {
  return [parser, String(inputs), String(edges), isPassed ? 'passed' : 'FAILED'];
});
printResults(values.json, rows, alignColumns([['parser', 'inputs', 'edges', 'result'], ...cells]));
if (isPassed) await rm(folder, { recursive: true });
else logProgress(`Inputs of findings: ${folder}`);
process.exitCode = isPassed ? 0 : 1;

function fuzz(parser: string, corpus: string): { inputs: number; edges: number; isPassed: boolean } {
  const args = [jazzer.program, targets, corpus, '--fuzzEntryPoint', parser, '--timeout', '10000', '--'];
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
  return { inputs, edges, isPassed };
}
