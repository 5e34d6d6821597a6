import { expect, it } from 'vitest';
import { renderFigures } from '../src/report.ts';

it('prints a line for each figure, and a table for each list of objects', () => {
  const figures = {
    items: 12_345,
    latency: { p50Ms: 1.23456, maxMs: Number.NaN },
    spark: undefined,
    arms: [],
    problems: ['one is lost', 'two is altered'],
    loads: [
      { name: 'one', rate: 2_500.4 },
      { name: 'two', failures: { 503: 2 } },
    ],
  };
  expect(renderFigures(figures)).toBe(
    [
      'items          12,345',
      'latency.p50Ms  1.235',
      'latency.maxMs  –',
      'arms           none',
      '',
      'problems',
      '  one is lost',
      '  two is altered',
      '',
      'loads',
      '  name   rate  failures.503',
      '  one   2,500',
      '  two                     2',
    ].join('\n'),
  );
});
