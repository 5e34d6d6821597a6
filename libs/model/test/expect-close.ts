import { expect } from 'vitest';

/** Expects rows with equal numbers, up to `digits` decimal digits. */
export function expectClose(actual: number[][], expected: number[][], digits = 5): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((row, r) => {
    expect(row.length).toBe(expected[r]!.length);
    row.forEach((value, c) => expect(value).toBeCloseTo(expected[r]![c]!, digits));
  });
}
