import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { workspaceRoot } from '@facet/testing';
import { expect, it } from 'vitest';

it('the weekly workflow runs every suite of npm run test:faults', () => {
  const help = execFileSync('node', ['tools/workspace/faults.mjs', '--help'], { cwd: workspaceRoot, encoding: 'utf8' });
  const suites = [...help.matchAll(/^ {2}([\w-]+) {2}/gm)].map(([, name]) => name);
  const workflow = readFileSync(path.join(workspaceRoot, '.github/workflows/weekly.yml'), 'utf8');
  const [, listed = ''] = /suite:\s*\[([^\]]*)\]/.exec(workflow) ?? [];
  expect(suites).toContain('kills');
  expect((listed.match(/[\w-]+/g) ?? []).sort()).toEqual(suites.sort());
});
