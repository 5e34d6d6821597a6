import type { Attributes } from '@facet/features';
import { expect, it } from 'vitest';
import { createdDays } from '../src/index.ts';

it('reads the day of creation from the attributes', () => {
  const attributes: Attributes[] = [
    {},
    { createdAt: '1970-01-03' },
    { created_at: '1970-01-02T23:59:59Z' },
    { createdAt: 'soon' },
  ];
  const days = createdDays(attributes.map((of) => ({ attributes: of })));
  expect([...days]).toEqual([Number.NaN, 2, 1, Number.NaN]);
});
