import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.join(import.meta.dirname, '../../../');
const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
const projects = [
  'libs/import',
  'libs/kafka',
  'libs/benchmark',
  'libs/gate',
  'libs/refresh',
  'libs/runs',
  'libs/stages',
  'apps/collector',
  'e2e',
];

if (process.argv.includes('--help')) {
  process.stdout.write(
    `Runs the tests in *.faults.ts of ${projects.join(' and ')}. Passes its arguments on to vitest.\n`,
  );
} else {
  for (const project of projects) {
    const { status } = spawnSync(
      process.execPath,
      [vitest, '--root', path.join(root, project), '--maxWorkers=1', '--passWithNoTests', ...process.argv.slice(2)],
      { stdio: 'inherit', env: { ...process.env, FACET_TESTS: 'faults' } },
    );
    if (status !== 0) process.exitCode = 1;
  }
}
