import { expect, it } from 'vitest';
import { formatDuration } from '../page/parts/format.ts';

it.each([
  [0, '0 ms'],
  [0.25, '250 µs'],
  [0.9996, '1 ms'],
  [31.4, '31 ms'],
  [999.7, '1 s'],
  [3_100, '3.1 s'],
  [59_940, '59.9 s'],
  [59_970, '1 min 0 s'],
  [119_600, '2 min 0 s'],
  [200_000, '3 min 20 s'],
  [3_599_800, '1 h 0 min'],
  [172_799_900, '2 d 0 h'],
])('writes %d ms as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
