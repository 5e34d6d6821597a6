import { isAppError } from '@facet/platform';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { explainPositiveRule, parsePositiveRule } from '../src/index.ts';

test('a type alone accepts every event of that type without a negative value, because that is a return', () => {
  const isPositive = parsePositiveRule('purchase');
  expect(isPositive({ type: 'purchase' })).toBe(true);
  expect(isPositive({ type: 'purchase', value: 0 })).toBe(true);
  expect(isPositive({ type: 'purchase', value: -1 })).toBe(false);
  expect(isPositive({ type: 'purchases' })).toBe(false);
  expect(isPositive({ type: 'Purchase' })).toBe(false);
});

test.each([
  ['rating >= 4', [4, 5], [3.9]],
  ['rating > 4', [4.1], [4]],
  ['rating <= 4', [4, -7], [4.1]],
  ['rating < 4', [3.9], [4]],
  ['rating = 4', [4], [4.0001, -4]],
  ['rating >= -2.5', [-2.5, 0], [-2.6]],
  ['  rating>=4 ', [4], [3]],
])('%s', (rule, accepted, refused) => {
  const isPositive = parsePositiveRule(rule);
  for (const value of accepted) expect(isPositive({ type: 'rating', value })).toBe(true);
  for (const value of refused) expect(isPositive({ type: 'rating', value })).toBe(false);
});

test('a bound is never met without a value', () => {
  for (const operator of ['>=', '>', '<=', '<', '=']) {
    const isPositive = parsePositiveRule(`rating ${operator} 0`);
    for (const value of [undefined, null, Number.NaN]) expect(isPositive({ type: 'rating', value })).toBe(false);
    expect(isPositive({ type: 'rating' })).toBe(false);
  }
});

test('a bound belongs to its own clause only', () => {
  const isPositive = parsePositiveRule('click or rating >= 4 OR add_to_cart');
  expect(isPositive({ type: 'click', value: 1 })).toBe(true);
  expect(isPositive({ type: 'add_to_cart' })).toBe(true);
  expect(isPositive({ type: 'rating', value: 3 })).toBe(false);
  expect(isPositive({ type: 'rating', value: 4 })).toBe(true);
  expect(isPositive({ type: 'view', value: 5 })).toBe(false);
});

test('a type named twice is positive when either clause is met', () => {
  const isPositive = parsePositiveRule('rating <= 1 or rating >= 5');
  expect([1, 2, 3, 4, 5].filter((value) => isPositive({ type: 'rating', value }))).toEqual([1, 5]);
});

test('"or" splits between words only', () => {
  const isPositive = parsePositiveRule('order or favorite');
  expect(isPositive({ type: 'order' })).toBe(true);
  expect(isPositive({ type: 'favorite' })).toBe(true);
  expect(isPositive({ type: 'der' })).toBe(false);
});

test.each([
  '',
  ' ',
  'purchase or',
  'or purchase',
  'purchase or or click',
  'rating >= four',
  'rating >=',
  '>= 4',
  'rating == 4',
  'rating => 4',
  'purchase and click',
  'purchase, click',
  '4',
])('%j is refused and the rule is named', (rule) => {
  try {
    parsePositiveRule(rule);
  } catch (error) {
    expect(isAppError(error, 'FEATURES_RULE_INVALID')).toBe(true);
    expect(error).toMatchObject({ context: { rule } });
    expect(error).toHaveProperty('remedy');
    return;
  }
  expect.unreachable();
});

test('names the invalid clause', () => {
  expect(() => parsePositiveRule('purchase or rating >>> 4')).toThrow(/"rating >>> 4"/);
});

test('accepts an event if any clause accepts it', () => {
  const operators = {
    '>=': (value: number, bound: number) => value >= bound,
    '>': (value: number, bound: number) => value > bound,
    '<=': (value: number, bound: number) => value <= bound,
    '<': (value: number, bound: number) => value < bound,
    '=': (value: number, bound: number) => value === bound,
  };
  const operator = fc.constantFrom(...(Object.keys(operators) as (keyof typeof operators)[]));
  const type = fc.constantFrom('click', 'purchase', 'rating');
  const quarter = fc.integer({ min: -20, max: 20 }).map((value) => value / 4);
  const clause = fc.record({ type, bound: fc.option(fc.record({ operator, value: quarter })) });
  fc.assert(
    fc.property(
      fc.array(clause, { minLength: 1, maxLength: 4 }),
      type,
      fc.option(quarter),
      (clauses, eventType, value) => {
        const rule = clauses.map(({ type: name, bound }) =>
          bound === null ? name : `${name} ${bound.operator} ${bound.value}`,
        );
        const expected = clauses.some(
          ({ type: name, bound }) =>
            name === eventType &&
            (bound === null ? (value ?? 0) >= 0 : value !== null && operators[bound.operator](value, bound.value)),
        );
        expect(parsePositiveRule(rule.join(' or '))({ type: eventType, value })).toBe(expected);
      },
    ),
  );
});

test.each([
  [{ type: 'view' }, 'type-not-in-rule'],
  [{ type: 'purchase', value: -1 }, 'value-negative'],
  [{ type: 'rating' }, 'value-missing'],
  [{ type: 'rating', value: 3 }, 'value-outside-bound'],
  [{ type: 'rating', value: 4 }, undefined],
  [{ type: 'purchase' }, undefined],
])('explains why %j is left out: %s', (event, reason) => {
  expect(explainPositiveRule('purchase or rating >= 4').whyLeftOut(event)).toBe(reason);
});
