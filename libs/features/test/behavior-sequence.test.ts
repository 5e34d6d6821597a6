import { hourMs } from '@facet/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ageBucket, ageBucketCount, createBehaviorRows, maxRepeatCount, writeBehaviorSequence } from '../src/index.ts';
import type { BehaviorWindow } from '../src/index.ts';

function windowOf(items: readonly number[], times?: readonly number[]): BehaviorWindow {
  return { items, times: times ?? items.map((_, position) => position), start: 0, end: items.length };
}

function write(window: BehaviorWindow, length: number, distinct: boolean, now = 1000) {
  const rows = createBehaviorRows(1, length);
  const n = writeBehaviorSequence(rows, 0, window, { now, distinct });
  return { n, items: [...rows.items], ages: [...rows.ages], counts: [...rows.counts] };
}

describe('writeBehaviorSequence', () => {
  it('writes the last L behaviors from oldest to newest, after the padding', () => {
    expect(write(windowOf([1, 2, 3]), 5, false)).toMatchObject({
      n: 3,
      items: [0, 0, 1, 2, 3],
      counts: [0, 0, 1, 1, 1],
    });
    expect(write(windowOf([1, 2, 3, 4, 5, 6]), 4, false)).toMatchObject({ n: 4, items: [3, 4, 5, 6] });
    expect(write(windowOf([]), 3, true)).toMatchObject({ n: 0, items: [0, 0, 0], ages: [0, 0, 0] });
  });

  it('reads its window only', () => {
    expect(write({ ...windowOf([1, 2, 3, 4, 5]), start: 1, end: 3 }, 4, true)).toMatchObject({
      n: 2,
      items: [0, 0, 2, 3],
    });
  });

  it('skips items outside the vocabulary', () => {
    expect(write(windowOf([1, 0, 2, 0]), 2, false)).toMatchObject({ n: 2, items: [1, 2] });
  });

  it('writes repeats as separate behaviors, or counts them at the newest one', () => {
    const window = windowOf(
      [1, 2, 1, 3, 1],
      [0, 1, 2, 3, 4].map((hours) => hours * 10 * hourMs),
    );
    expect(write(window, 4, false)).toMatchObject({ n: 4, items: [2, 1, 3, 1], counts: [1, 1, 1, 1] });
    const now = 50 * hourMs;
    const distinct = write(window, 4, true, now);
    expect(distinct).toMatchObject({ n: 3, items: [0, 2, 3, 1], counts: [0, 1, 1, 3] });
    expect(distinct.ages).toEqual([0, ageBucket(40 * hourMs), ageBucket(20 * hourMs), ageBucket(10 * hourMs)]);
  });

  it('counts repeats before the last L too, up to the maximum', () => {
    expect(write(windowOf([3, 3, 1, 2, 3]), 2, true)).toMatchObject({ n: 2, items: [2, 3], counts: [1, 3] });
    const often = new Array<number>(maxRepeatCount + 5).fill(4);
    expect(write(windowOf(often), 2, true)).toMatchObject({ n: 1, items: [0, 4], counts: [0, maxRepeatCount] });
  });

  it('writes its row only', () => {
    const rows = createBehaviorRows(3, 2);
    writeBehaviorSequence(rows, 1, windowOf([1, 2, 3]), { now: 9, distinct: true });
    expect([...rows.items]).toEqual([0, 0, 2, 3, 0, 0]);
    writeBehaviorSequence(rows, 0, windowOf([7]), { now: 9, distinct: true });
    writeBehaviorSequence(rows, 2, windowOf([8, 9, 8]), { now: 9, distinct: true });
    expect([...rows.items]).toEqual([0, 7, 2, 3, 9, 8]);
    expect([...rows.counts]).toEqual([0, 1, 1, 1, 1, 2]);
  });

  it('equals its definition', () => {
    const interactions = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 5000 })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(interactions, fc.integer({ min: 1, max: 8 }), fc.boolean(), (drawn, length, distinct) => {
        const sorted = drawn.sort((a, b) => a[1] - b[1]).map(([item, hours]) => ({ item, time: hours * hourMs }));
        const now = 5000 * hourMs;
        const known = sorted.filter(({ item }) => item > 0);
        const newest = distinct
          ? known.filter(({ item }, position) => !known.slice(position + 1).some((later) => later.item === item))
          : known;
        const last = newest.slice(-length);
        const padding = new Array<number>(length - last.length).fill(0);
        const window = windowOf(
          sorted.map(({ item }) => item),
          sorted.map(({ time }) => time),
        );
        expect(write(window, length, distinct, now)).toEqual({
          n: last.length,
          items: [...padding, ...last.map(({ item }) => item)],
          ages: [...padding, ...last.map(({ time }) => ageBucket(now - time))],
          counts: [
            ...padding,
            ...last.map(({ item }) =>
              distinct ? Math.min(maxRepeatCount, known.filter((other) => other.item === item).length) : 1,
            ),
          ],
        });
      }),
    );
  });
});

describe('ageBucket', () => {
  it('is never padding, stays within the table, and grows with age', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e9 }), fc.integer({ min: 0, max: 1e9 }), (seconds, more) => {
        const bucket = ageBucket(seconds * 1000);
        expect(Number.isInteger(bucket) && bucket >= 1 && bucket < ageBucketCount).toBe(true);
        expect(ageBucket((seconds + more) * 1000)).toBeGreaterThanOrEqual(bucket);
      }),
    );
  });

  it('treats a future behavior as new; the first bucket ends before half an hour', () => {
    expect(ageBucket(-hourMs)).toBe(1);
    expect(ageBucket(0)).toBe(1);
    expect(ageBucket(26 * 60_000)).toBe(1);
    expect(ageBucket(27 * 60_000)).toBe(2);
  });

  it('has 2.5 buckets per doubling, so that years still differ', () => {
    const day = 24 * hourMs;
    expect(ageBucket(240 * day) - ageBucket(60 * day)).toBe(5);
    expect(ageBucket(365 * day)).toBeLessThan(ageBucket(730 * day));
    expect(ageBucket(1000 * 365 * day)).toBe(ageBucketCount - 1);
  });
});
