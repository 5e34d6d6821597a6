import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { metricNames, metrics } from '../src/metrics-table.ts';

it('docs/benchmark.md describes every metric as the table does', () => {
  const page = readFileSync(new URL('../../../docs/benchmark.md', import.meta.url), 'utf8');
  const [, section = ''] = page.split('\n## Metrics\n');
  const rows = section.split('\n## ', 1)[0]!.matchAll(/^\| `.*$/gm);
  const documented = Array.from(rows, ([row]) => row.split('|').map((cell) => cell.trim()));
  expect(documented).toEqual(
    metricNames.map((name) => {
      const { label, shortLabel, unit, better, meaning } = metrics[name];
      const title = shortLabel === label ? `${label}@N` : `${label}@N (${shortLabel}@N)`;
      return ['', `\`${name}\``, title, unit, better, meaning, ''];
    }),
  );
});
