import { expect, it } from 'vitest';
import { compareWithBudgets } from '../budgets.mjs';

const table = { 'libs/a': { size: 100, linesMax: 108 }, 'libs/b': { size: 50, linesMax: 54 } };
const sizesOf = (sizes: Record<string, number>) => new Map(Object.entries(sizes));

it('reports grown projects, largest growth first', () => {
  expect(compareWithBudgets(sizesOf({ 'libs/a': 101, 'libs/b': 54 }), table)).toEqual({
    problems: [],
    grown: ['libs/b: +4, 54 of 54 lines', 'libs/a: +1, 101 of 108 lines'],
    lines: 155,
  });
});

it.each([
  ['a project above its bound', { 'libs/a': 109, 'libs/b': 50 }, table, /libs\/a has 109 lines/],
  ['a project without a budget', { 'libs/a': 1, 'libs/b': 1, 'libs/c': 1 }, table, /libs\/c has no budget/],
  ['a budget without a project', { 'libs/a': 1 }, table, /libs\/b does not exist/],
  ['a bound far above the size', { x: 1 }, { x: { size: 1000, linesMax: 1200 } }, /Give a reason/],
  ['a project to be split', { x: 1 }, { x: { size: 8900, linesMax: 9100 } }, /Split the project/],
  [
    'bounds above the total',
    sizesOfMany(13),
    Object.fromEntries(Object.keys(sizesOfMany(13)).map((name) => [name, { size: 8900, linesMax: 9000 }])),
    /add up to 117000/,
  ],
])('refuses %s', (_, sizes, budgets, problem) => {
  expect(compareWithBudgets(sizesOf(sizes), budgets).problems).toEqual([expect.stringMatching(problem)]);
});

function sizesOfMany(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`libs/${index}`, 8900]));
}
