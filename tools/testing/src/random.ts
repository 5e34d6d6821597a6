import { mulberry32 } from './little-shop.ts';

/** The seed of all random values of a test run, including those of fast-check. */
export const testSeed = parseSeed(process.env['FACET_TEST_SEED'] ?? '1');

function parseSeed(text: string): number {
  // fast-check requires a seed of 32 bits.
  if (/^\d{1,15}$/.test(text)) return Number(text) | 0;
  throw new Error(`FACET_TEST_SEED is "${text}". Set it to a whole number of at most 15 digits.`);
}

/** Returns a generator of numbers in [0, 1) that depends only on `FACET_TEST_SEED`. */
export function seededRandom(): () => number {
  return mulberry32(testSeed);
}

/** Returns incompressible bytes that depend only on `FACET_TEST_SEED` and `count`. */
export function seededBytes(count: number): Buffer {
  const random = seededRandom();
  return Buffer.from(Uint8Array.from({ length: count }, () => random() * 256));
}
