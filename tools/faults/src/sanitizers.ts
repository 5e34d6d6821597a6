import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { logProgress, option, readCommandLine } from '@facet/local-services';
import { alignColumns } from '@facet/platform';

const { values } = readCommandLine({
  usage: 'npm run test:faults -- sanitizers',
  summary: 'Run the native index code under AddressSanitizer and UBSan',
  options: {
    seconds: option.number('Time for damaged files, and for swaps', 600),
    files: option.number('Number of damaged files at which to stop earlier', Infinity),
    seed: option.seed('Seed of the damage', 1),
    only: option.text('TEXT', 'Run the parts whose name contains TEXT: tests, files, swaps', ''),
  },
  notes: `tests runs the tests of libs/retrieval, except those that measure memory. files opens damaged index files, and searches those that are not refused. swaps replaces an
index during searches. The first run compiles the addon and what it uses of Faiss, which takes minutes.

Exit code: 0 without findings, 1 otherwise.`,
});

const root = fileURLToPath(new URL('../../../', import.meta.url));
const retrieval = join(root, 'libs', 'retrieval');
const variables = useSanitizedAddon();
// Memory, because a file is written for each case.
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const folder = await mkdtemp(join(parent, 'facet-sanitizers-'));

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const script = (name: string): string[] => [
  ...['--conditions=@facet/source', '--import', 'tsx', join(retrieval, 'test', 'native', 'sanitizers', name)],
  ...[folder, values.seconds, values.seed, values.files].map(String),
];
const parts: Readonly<Record<string, readonly string[]>> = {
  // The sanitizer keeps freed memory, which the tests of memory would count.
  tests: [vitest, 'run', '--root', retrieval, '--exclude', '**/memory.test.ts'],
  files: script('fuzz-files.ts'),
  swaps: script('soak-swaps.ts'),
};

const rows = Object.entries(parts)
  .filter(([name]) => name.includes(values.only))
  .map(([name, args]) => {
    logProgress(name);
    const { status, signal } = spawnSync(process.execPath, args, {
      cwd: retrieval,
      stdio: 'inherit',
      env: { ...process.env, ...variables },
    });
    return { name, result: status === 0 ? 'passed' : `FAILED (${signal ?? status})`, isPassed: status === 0 };
  });
console.log(alignColumns([['part', 'result'], ...rows.map(({ name, result }) => [name, result])]).join('\n'));
const isPassed = rows.length > 0 && rows.every((row) => row.isPassed);
if (isPassed) await rm(folder, { recursive: true });
else logProgress(`The last file: ${folder}`);
process.exitCode = isPassed ? 0 : 1;

/** Returns the variables with which Node.js loads the addon with sanitizers. Builds the addon on the first run. */
function useSanitizedAddon(): Readonly<Record<string, string>> {
  const addon = execFileSync(process.execPath, [join(root, 'tools', 'setup', 'sanitized-addon.mjs')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
  return {
    // The C++ library comes first: its `new` throws when there is no memory, where that of the sanitizer ends the process.
    LD_PRELOAD: ['libstdc++.so.6', 'libasan.so'].map(findLibrary).join(' '),
    NODE_OPTIONS: `--require ${fileURLToPath(new URL('../sanitizers/load-addon.cjs', import.meta.url))}`,
    FACET_SANITIZED_ADDON: addon,
    // Node.js frees nothing at its end, and the tests request more memory than there is.
    ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=256:verify_asan_link_order=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
}

function findLibrary(name: string): string {
  return execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
}
