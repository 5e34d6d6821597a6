import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluateRanking, rankUsers } from '../src/index.ts';
import type { RankedUser } from '../src/index.ts';
import { hitRateAt, mrrAt, ndcgAt, recallAt } from '../src/metrics.ts';

const ranking = Int32Array.of(7, 3, 9, 1, 5);
const truth = { items: Int32Array.of(3, 5, 8), absent: 1 };

test('computes metrics as by hand: hits at ranks 2 and 5, one true item unranked and one outside the vocabulary', () => {
  expect(recallAt(ranking, truth, 5)).toBeCloseTo(2 / 4, 12);
  expect(recallAt(ranking, truth, 4)).toBeCloseTo(1 / 4, 12);
  expect(hitRateAt(ranking, truth, 1)).toBe(0);
  expect(hitRateAt(ranking, truth, 2)).toBe(1);
  expect(mrrAt(ranking, truth, 5)).toBe(1 / 2);
  expect(mrrAt(ranking, truth, 1)).toBe(0);
  const gain = 1 / Math.log2(3) + 1 / Math.log2(6);
  const ideal = 1 + 1 / Math.log2(3) + 1 / Math.log2(4) + 1 / Math.log2(5);
  expect(ndcgAt(ranking, truth, 5)).toBeCloseTo(gain / ideal, 12);
});

test('normalizes NDCG by min(|truth|, n), so a perfect short list scores 1', () => {
  expect(ndcgAt(Int32Array.of(3, 5), truth, 2)).toBeCloseTo(1, 12);
  expect(ndcgAt(Int32Array.of(3), { items: Int32Array.of(3), absent: 0 }, 50)).toBe(1);
});

test('counts items outside the vocabulary as misses', () => {
  expect(recallAt(ranking, { items: new Int32Array(0), absent: 2 }, 5)).toBe(0);
  expect(ndcgAt(ranking, { items: new Int32Array(0), absent: 2 }, 5)).toBe(0);
});

test('keeps metrics in 0..1, growing with n where they must, and 1 for the truth itself', () => {
  const indices = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(indices, indices, fc.nat(3), fc.integer({ min: 1, max: 25 }), (ranked, chosen, absent, n) => {
      const list = Int32Array.from(ranked);
      const held = { items: Int32Array.from(chosen), absent };
      for (const metric of [recallAt, hitRateAt, ndcgAt, mrrAt]) {
        expect(metric(list, held, n)).toBeGreaterThanOrEqual(0);
        expect(metric(list, held, n)).toBeLessThanOrEqual(1 + 1e-12);
      }
      for (const metric of [recallAt, hitRateAt, mrrAt]) {
        expect(metric(list, held, n + 1)).toBeGreaterThanOrEqual(metric(list, held, n));
      }
      const known = { items: held.items, absent: 0 };
      for (const metric of [recallAt, hitRateAt, ndcgAt, mrrAt]) {
        expect(metric(held.items, known, held.items.length)).toBeCloseTo(1, 12);
      }
    }),
  );
});

test('returns means, coverage and per-user values, and leaves out users without truth', () => {
  const users: RankedUser[] = [
    { ranking: Int32Array.of(1, 2), truth: { items: Int32Array.of(2), absent: 0 } },
    { ranking: Int32Array.of(1, 3), truth: { items: Int32Array.of(4), absent: 1 } },
    { ranking: Int32Array.of(4, 3), truth: { items: new Int32Array(0), absent: 0 } },
  ];
  const { metrics, perUser, ...counts } = evaluateRanking(users, { cutoffs: [1, 2], catalogSize: 10 });
  expect(counts).toEqual({ users: 2, usersWithoutTruth: 1 });
  expect(metrics[0]).toMatchObject({ cutoff: 1, recall: 0, hitRate: 0, coverage: 0.1 });
  expect(metrics[1]).toMatchObject({ cutoff: 2, recall: 0.5, hitRate: 0.5, mrr: 0.25, coverage: 0.3 });
  expect([...perUser[1]!.recall]).toEqual([1, 0]);
});

test('refuses a ranking with a repeated item, padding or an item beyond the catalog', () => {
  const attempt = (...items: number[]) =>
    evaluateRanking([{ ranking: Int32Array.from(items), truth }], { cutoffs: [2], catalogSize: 5 });
  expect(() => attempt(1, 1)).toThrow(/repeats an item/);
  expect(() => attempt(0)).toThrow(/outside the catalog/);
  expect(() => attempt(6)).toThrow(/outside the catalog/);
});

test("excludes the history from ranking and truth for the task 'new', not for 'all'", () => {
  const scores = Float32Array.of(0, 5, 4, 3, 2);
  const user = { history: Int32Array.of(1, 1, 2), truth: { items: Int32Array.of(1, 4), absent: 1 } };
  const [ranked] = rankUsers(() => scores, [user], ['new', 'all'], { n: 2, tieSeed: 1 });
  const { new: fresh, all } = ranked!;
  expect([...fresh!.ranking]).toEqual([3, 4]);
  expect(fresh!.truth).toEqual({ items: Int32Array.of(4), absent: 1 });
  expect([...all!.ranking]).toEqual([1, 2]);
  expect(all!.truth).toEqual(user.truth);
});

test("excludes absent items of the history from the truth for the task 'new'", () => {
  const user = { history: Int32Array.of(1), truth: { items: Int32Array.of(2), absent: 3, absentRepeats: 2 } };
  const [ranked] = rankUsers(() => new Float32Array(5), [user], ['new', 'all'], { n: 2, tieSeed: 1 });
  expect(ranked!.new!.truth).toEqual({ items: Int32Array.of(2), absent: 1 });
  expect(ranked!.all!.truth.absent).toBe(3);
});

test('orders ties differently for different users', () => {
  const user = { history: new Int32Array(0), truth: { items: Int32Array.of(1), absent: 0 } };
  const [first, second] = rankUsers(() => new Float32Array(50), [user, user], ['all'], { n: 20, tieSeed: 1 });
  expect([...first!.all!.ranking]).not.toEqual([...second!.all!.ranking]);
});
