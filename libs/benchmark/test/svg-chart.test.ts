import fc from 'fast-check';
import { expect, it } from 'vitest';
import { drawChart, niceTicks } from '../src/sweep.ts';

const chart = {
  title: 'K & <HR>',
  xName: 'K',
  yName: 'NDCG@10',
  xs: ['1', '2', '4'],
  series: [
    {
      name: 'facet',
      points: [
        { y: 0.05, low: 0.04, high: 0.06 },
        { y: 0.055, low: 0.05, high: 0.06 },
        { y: 0.06, low: 0.06, high: 0.06 },
      ],
    },
  ],
};

it('returns few round, evenly spaced ticks that enclose the range', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: 1e-4, max: 2, noNaN: true }),
      (low, range) => {
        const ticks = niceTicks(low, low + range);
        expect(ticks[0]).toBeLessThanOrEqual(low + 1e-9);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(low + range - 1e-9);
        expect(ticks.length).toBeLessThanOrEqual(7);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
      },
    ),
  );
  expect(niceTicks(0.041, 0.059).map((tick) => tick.toFixed(3))).toEqual(['0.040', '0.045', '0.050', '0.055', '0.060']);
  const [below, ...above] = niceTicks(0.5, 0.5);
  expect(below).toBeLessThanOrEqual(0.5);
  expect(above.at(-1)).toBeGreaterThan(below!);
});

it('draws higher values higher, bars from low to high, and escapes text', () => {
  const svg = drawChart(chart);
  expect(svg).toContain('K &amp; &lt;HR&gt;');
  const circles = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
  expect(circles).toHaveLength(3);
  for (let index = 1; index < 3; index++) {
    expect(circles[index]![0]).toBeGreaterThan(circles[index - 1]![0]!);
    expect(circles[index]![1]).toBeLessThan(circles[index - 1]![1]!);
  }
  const bars = [...svg.matchAll(/<line x1="([\d.]+)" y1="([\d.]+)" x2="\1" y2="([\d.]+)" stroke/g)];
  const [first] = bars.map(([, , from, to]) => [Number(from), Number(to)]);
  // .04 to .06 is the whole range of the ticks, with .05 in the middle.
  expect((first![0]! + first![1]!) / 2).toBeCloseTo(circles[0]![1]!, 0);
  expect(svg).toContain('prefers-color-scheme:dark');
  expect(svg.match(/<svg /g)).toHaveLength(1);
});

it('leaves a gap at a missing point, and the other points at their labels', () => {
  const [curve] = chart.series;
  const circlesOf = (svg: string): string[] => [...svg.matchAll(/<circle .*?>/g)].map(([circle]) => circle);
  const [first, , last] = circlesOf(drawChart(chart));
  const points = curve!.points.map((point, index) => (index === 1 ? undefined : point));
  const svg = drawChart({ ...chart, series: [{ ...curve!, points }] });
  expect(circlesOf(svg)).toEqual([first, last]);
  expect(svg).toMatch(/<path d="M[\d.]+ [\d.]+ M[\d.]+ [\d.]+"/);
});
