import { expect, it } from 'vitest';
import { formatBytes, formatDuration } from '../src/quantities.ts';

it.each([
  [0, '0 ms'],
  [0.25, '250 µs'],
  [0.9996, '1 ms'],
  [31.4, '31 ms'],
  [400, '400 ms'],
  [999.7, '1 s'],
  [3_100, '3.1 s'],
  [9_949, '9.9 s'],
  [9_960, '10 s'],
  [12_300, '12 s'],
  [59_400, '59 s'],
  [59_900, '1 min 0 s'],
  [119_600, '2 min 0 s'],
  [200_000, '3 min 20 s'],
  [3_599_800, '1 h 0 min'],
  [172_799_900, '2 d 0 h'],
])('writes %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [4_128, '4.1 kB'],
  [99_949, '99.9 kB'],
  [99_960, '100 kB'],
  [999_499, '999 kB'],
  [999_950, '1.0 MB'],
  [532_000_000, '532 MB'],
  [4_100_000_000, '4.1 GB'],
  [12_345e12, '12,345 TB'],
])('writes %d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
