import { describe, expect, it } from 'vitest';
import { failuresIn, parseNxTasks, readReport, slowestOf, sum, summaryLine } from '../results.mjs';

describe('Nx tasks', () => {
  const output = [
    ' NX   Running targets lint, typecheck for 3 projects:',
    '\x1b[32m✔\x1b[39m  nx run @facet/platform:lint  [local cache]',
    '   ✔  nx run @facet/platform:typecheck (2s)',
    '> nx run @facet/e2e:lint',
    '✖ 1 problem (1 error, 0 warnings)',
    '   ✓ a platform test that passes 3ms',
    'Failed tasks:',
    '',
    '- @facet/e2e:lint',
    '- @facet/cli:lint',
    '',
    'Output of 2 successful tasks were not shown.',
  ].join('\n');

  it('are read from what Nx prints, colors and cache notes included', () => {
    expect(parseNxTasks(output)).toEqual([
      { project: '@facet/platform', ok: true },
      { project: '@facet/platform', ok: true },
      { project: '@facet/e2e', ok: false },
      { project: '@facet/cli', ok: false },
    ]);
  });

  it('that went well are left out of what is shown of a failed run', () => {
    const shown = failuresIn(output);

    expect(shown).toContain('1 problem');
    expect(shown).not.toMatch(/platform|successful/);
  });
});

describe('a vitest report', () => {
  const fileOf = (status: string, ...statuses: string[]) => ({
    status,
    name: '/here/libs/a.test.ts',
    assertionResults: statuses.map((each) => ({ status: each, fullName: `a ${each} test` })),
  });
  const read = (...testResults: ReturnType<typeof fileOf>[]) => readReport({ testResults }, '/here');

  it('is counted test by test', () => {
    const { tally } = read(fileOf('failed', 'passed', 'failed', 'skipped', 'pending', 'todo'));
    expect(tally).toEqual({ passed: 1, failed: 1, skipped: 3 });
  });

  it('is counted and listed without the tests that their tag leaves to `npm run test:full`', () => {
    const assertionResults = [
      { status: 'skipped', fullName: 'a kill', tags: ['full'] },
      { status: 'passed', fullName: 'a kill that ran', tags: ['full'], duration: 20 },
      { status: 'skipped', fullName: 'needs a data set', tags: [] },
    ];
    const testResults = [{ status: 'passed', name: '/w/test/kills.test.ts', assertionResults }];
    const { tally, skipped } = readReport({ testResults }, '/w');

    expect(tally).toEqual({ passed: 1, failed: 0, skipped: 1 });
    expect(skipped).toEqual(['test/kills.test.ts: needs a data set']);
  });

  it('names its slowest tests, slowest first', () => {
    const assertionResults = Array.from({ length: 12 }, (_, index) => ({
      status: 'passed',
      fullName: `test ${index}`,
      duration: 100 * index,
    }));
    const testResults = [{ status: 'passed', name: '/w/a.test.ts', assertionResults }];
    const slowest = slowestOf(readReport({ testResults }, '/w').tests);

    expect(slowest).toHaveLength(10);
    expect(slowest[0]).toMatchObject({ ms: 1_100, title: 'a.test.ts: test 11' });
  });

  it('names the tests that failed and those that were skipped', () => {
    expect(read(fileOf('failed', 'passed', 'failed', 'skipped'))).toMatchObject({
      failed: ['libs/a.test.ts: a failed test'],
      skipped: ['libs/a.test.ts: a skipped test'],
    });
  });

  it('counts a file that did not load as a failure', () => {
    expect(read(fileOf('passed', 'passed'), fileOf('failed')).tally.failed).toBe(1);
  });
});

it('the last line adds everything up', () => {
  const tally = sum([
    { passed: 1, failed: 0, skipped: 0 },
    { passed: 2, failed: 1, skipped: 0 },
  ]);

  expect(summaryLine(tally)).toBe('3 passed, 1 failed');
  expect(summaryLine({ ...tally, skipped: 4 })).toBe('3 passed, 1 failed, 4 skipped');
});
