import fc from 'fast-check';
import { expect, test } from 'vitest';
import { innerProduct, squaredNorm, squaredRadius, toSphere, toSphereQueries } from '../src/indexes/euclidean.ts';

test('gives all items the same norm on the sphere, and recovers inner products from distances', () => {
  const value = fc.double({ min: -5, max: 5, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 20 }), value, value, (rows, qx, qy) => {
      const items = Float32Array.from(rows.flat());
      const query = Float32Array.of(qx, qy);
      const radius = squaredRadius(items, 2);
      const spherical = toSphere(items, 2, radius);
      const [a = 0, b = 0, c = 0] = toSphereQueries(query, 2);
      for (let row = 0; row < rows.length; row++) {
        expect(squaredNorm(spherical, row * 3, 3)).toBeCloseTo(radius, 4);
        const [x = 0, y = 0, z = 0] = spherical.subarray(row * 3, row * 3 + 3);
        const distance = (a - x) ** 2 + (b - y) ** 2 + (c - z) ** 2;
        const product = items[row * 2]! * query[0]! + items[row * 2 + 1]! * query[1]!;
        expect(innerProduct(squaredNorm(query, 0, 2), radius, distance)).toBeCloseTo(product, 4);
      }
    }),
  );
});
