import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, hashText, mix, sampleByHash } from '../src/index.ts';
import type { Random } from '../src/index.ts';

const draw = (random: Random, count: number): number[] => Array.from({ length: count }, () => random.next());
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('createRandom', () => {
  it('returns the same stream for a seed, and another for another seed', () => {
    expect(draw(createRandom(1), 20)).toEqual(draw(createRandom(1), 20));
    const first = [0, 1, 2, 3, -1, 1000].map((seed) => createRandom(seed).next());
    expect(new Set(first).size).toBe(first.length);
  });

  it('does not drift between versions: datasets and models are rebuilt from seeds', () => {
    const random = createRandom(42);
    expect([random.int(1_000_000), random.int(1_000_000), random.int(1_000_000)]).toEqual([518430, 692236, 822573]);
  });

  it('next is uniform in [0, 1)', () => {
    const values = draw(createRandom(3), 20_000);
    const buckets = new Array<number>(10).fill(0);
    for (const value of values) {
      expect(value >= 0 && value < 1).toBe(true);
      buckets[Math.floor(value * 10)]!++;
    }
    // 2,000 expected, standard deviation 42.
    for (const count of buckets) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });

  it('successive values do not depend on each other', () => {
    const values = draw(createRandom(4), 20_000);
    const products = values.slice(1).map((value, position) => (value - 0.5) * (values[position]! - 0.5));
    // Variance 1/144, so standard deviation of the mean .0006.
    expect(Math.abs(mean(products))).toBeLessThan(0.003);
  });

  it('int covers exactly its range', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 20 }), (seed, below) => {
        const random = createRandom(seed);
        const seen = new Set(Array.from({ length: 40 * below }, () => random.int(below)));
        for (const value of seen) expect(Number.isInteger(value) && value >= 0 && value < below).toBe(true);
        expect(seen.size).toBe(below);
      }),
    );
  });

  it('normal has mean 0, variance 1 and the right tails', () => {
    const random = createRandom(5);
    const values = Array.from({ length: 20_000 }, () => random.normal());
    expect(Math.abs(mean(values))).toBeLessThan(0.03);
    expect(Math.abs(mean(values.map((value) => value ** 2)) - 1)).toBeLessThan(0.05);
    const beyondTwo = values.filter((value) => Math.abs(value) > 2).length / values.length;
    expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(0.008);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it('shuffle keeps every value and gives each index to each value', () => {
    const random = createRandom(6);
    const counts = Array.from({ length: 4 }, () => new Array<number>(4).fill(0));
    for (let round = 0; round < 4000; round++) {
      const values = Int32Array.of(0, 1, 2, 3);
      random.shuffle(values);
      expect([...values].sort()).toEqual([0, 1, 2, 3]);
      values.forEach((value, index) => counts[value]![index]!++);
    }
    // 1,000 expected, standard deviation 27.
    for (const count of counts.flat()) expect(Math.abs(count - 1000)).toBeLessThan(140);
  });

  it('shuffles zero and one value', () => {
    for (const values of [[], [7]]) {
      const copy = [...values];
      createRandom(1).shuffle(copy);
      expect(copy).toEqual(values);
    }
  });

  it('a fork depends on seed and label only, and does not advance its parent', () => {
    const used = createRandom(9);
    used.next();
    used.normal();
    expect(draw(used.fork('epoch 3'), 10)).toEqual(draw(createRandom(9).fork('epoch 3'), 10));
    const parent = createRandom(9);
    const untouched = createRandom(9);
    draw(parent.fork('x'), 5);
    expect(draw(parent, 5)).toEqual(draw(untouched, 5));
  });

  it('forks with other labels or seeds, and forks of forks, are other streams', () => {
    const streams = [1, 2].flatMap((seed) => {
      const random = createRandom(seed);
      const forks = [1, 2, 3].map((epoch) => random.fork(`epoch ${epoch}`));
      return [random, ...forks, forks[0]!.fork('epoch 1')];
    });
    const firsts = streams.map((random) => draw(random, 2).join());
    expect(new Set(firsts).size).toBe(streams.length);
  });
});

describe('hashText and mix', () => {
  it('are 32-bit, repeatable and seeded', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), (text, seed) => {
        const hash = hashText(text, seed);
        expect(hash).toBe(hashText(text, seed));
        expect(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32).toBe(true);
        const mixed = mix(seed);
        expect(Number.isInteger(mixed) && mixed >= 0 && mixed < 2 ** 32).toBe(true);
      }),
    );
  });

  it('hashes of similar texts differ: ascending ids do not collide and use all bits', () => {
    const hashes = Array.from({ length: 10_000 }, (_, item) => hashText(`item${item}`, 1));
    expect(new Set(hashes).size).toBeGreaterThan(9_995);
    for (let bit = 0; bit < 32; bit++) {
      const ones = hashes.filter((hash) => ((hash >>> bit) & 1) === 1).length;
      expect(Math.abs(ones - 5000)).toBeLessThan(300);
    }
  });

  it('a sample by hash does not depend on the order of the values, and a larger sample contains it', () => {
    const ids = Array.from({ length: 500 }, (_, at) => `user-${at}`);
    const sampleOf = (values: readonly string[], count: number) => sampleByHash(values, count, (id) => id);
    const sample = sampleOf(ids, 20);
    expect(sampleOf(ids.toReversed(), 20)).toEqual(sample);
    expect(sampleOf(ids, 100).slice(0, 20)).toEqual(sample);
    expect(sample.map((id) => hashText(id))).toEqual(
      ids
        .map((id) => hashText(id))
        .sort((a, b) => a - b)
        .slice(0, 20),
    );
  });

  it('mix is injective on seeds', () => {
    expect(new Set(Array.from({ length: 10_000 }, (_, seed) => mix(seed))).size).toBe(10_000);
  });
});
