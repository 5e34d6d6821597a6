import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FingerprintSet } from '../src/index.ts';

it('agrees with a set of texts', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 })), (texts) => {
      const set = new FingerprintSet();
      const exact = new Set<string>();
      for (const text of texts) {
        expect(set.has(text)).toBe(exact.has(text));
        expect(set.add(text)).toBe(!exact.has(text));
        exact.add(text);
      }
      expect(set.size).toBe(exact.size);
    }),
  );
});

it('distinguishes 400,000 similar ids and recognizes each again', () => {
  const set = new FingerprintSet();
  const ids = Array.from({ length: 200_000 }, (_, index) => [`user-${index}`, `${index}-item`]).flat();
  expect(ids.filter((id) => !set.add(id))).toEqual([]);
  expect(ids.filter((id) => set.add(id))).toEqual([]);
});
