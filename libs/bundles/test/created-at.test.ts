import type { Attributes } from '@facet/features';
import { expect, it } from 'vitest';
import { createdDays } from '../src/index.ts';

it('reads the day of creation from the attributes', () => {
  const attributes: Attributes[] = [
    {},
    { createdAt: '1970-01-03' },
    { created_at: '1970-01-02T23:59:59Z' },
    { createdAt: 'soon' },
    { createdAt: 2 * 86_400 },
    { createdAt: '', created_at: 1_769_860_800_000 },
    { createdAt: '1769860800' },
    { createdAt: 20260131 },
    { createdAt: ['1970-01-03'] },
    { createdAt: ' ' },
  ];
  const days = createdDays(attributes.map((of) => ({ attributes: of })));
  expect([...days]).toEqual([Number.NaN, 2, 1, Number.NaN, 2, 20_484, 20_484, 20_484, Number.NaN, Number.NaN]);
});
