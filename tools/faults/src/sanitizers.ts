import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logProgress, option, readCommandLine } from '@facet/local-services';
import { endWithRows, onlyOption, playEach, suiteOptions } from './suite.ts';

const { values } = readCommandLine({
  options: {
    seconds: option.number('Time for damaged files, and for swaps', 600),
    files: option.number('Number of damaged files at which to stop earlier', Infinity),
    only: onlyOption('parts', ['tests', 'files', 'swaps']),
    ...suiteOptions,
  },
  notes: `tests runs the tests of libs/retrieval, except those that measure memory. files opens damaged index files, and searches those that are not refused. swaps replaces an
index during searches. The first run compiles the addon and what it uses of Faiss, which takes minutes.

Exit code: 0 without findings, 1 otherwise.`,
});

const root = join(import.meta.dirname, '../../../');
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
const parts: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  // The sanitizer keeps freed memory, which the tests of memory would count.
  { name: 'tests', args: [vitest, 'run', '--root', retrieval, '--exclude', '**/memory.test.ts'] },
  { name: 'files', args: script('fuzz-files.ts') },
  { name: 'swaps', args: script('soak-swaps.ts') },
];

const rows = await playEach(parts, values.only, async ({ name, args }) => {
  const env = { ...process.env, ...variables };
  const { status, signal } = spawnSync(process.execPath, args, { cwd: retrieval, stdio: 'inherit', env });
  return { name, problems: status === 0 ? [] : [`ended with ${signal ?? `code ${status}`}`] };
});
if (rows.every(({ problems }) => problems.length === 0)) await rm(folder, { recursive: true });
else logProgress(`The last file: ${folder}`);
endWithRows(values.json, rows);

/** Returns the variables with which Node.js loads the addon with sanitizers. Builds the addon on the first run. */
function useSanitizedAddon(): Readonly<Record<string, string>> {
  const addon = execFileSync(process.execPath, [join(root, 'tools', 'setup', 'sanitized-addon.mjs')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
  return {
    // The C++ library comes first: its `new` throws when there is no memory, where that of the sanitizer ends the process.
    LD_PRELOAD: ['libstdc++.so.6', 'libasan.so'].map(findLibrary).join(' '),
    NODE_OPTIONS: `--require ${join(import.meta.dirname, '../sanitizers/load-addon.cjs')}`,
    FACET_SANITIZED_ADDON: addon,
    // Node.js frees nothing at its end, and the tests request more memory than there is.
    ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=256:verify_asan_link_order=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
  };
}

function findLibrary(name: string): string {
  return execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
}
