import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TrafficWindow } from '../src/guardrails/traffic-window.ts';
import type { RequestOutcome, TrafficCounts } from '../src/guardrails/traffic-window.ts';

const windowMs = 60_000;
const response = (ms: number, what: { isFallback?: boolean; isEmpty?: boolean } = {}): RequestOutcome => ({
  kind: 'response',
  isFallback: false,
  isEmpty: false,
  ...what,
  ms,
});

it('returns shares of the responses, and the share of failed requests', () => {
  const window = new TrafficWindow(windowMs);
  for (let request = 0; request < 6; request++) window.record(request, response(10, { isFallback: request < 3 }));
  window.record(6, response(10, { isEmpty: true }));
  window.record(7, response(10));
  window.record(8, { kind: 'error' });
  window.record(9, { kind: 'error' });
  expect(window.metrics(10)).toMatchObject({ requests: 10, fallbackShare: 3 / 8, emptyShare: 1 / 8, errorShare: 0.2 });
});

it('returns 0 for no requests', () => {
  const window = new TrafficWindow(windowMs);
  const nothing = { requests: 0, fallbackShare: 0, emptyShare: 0, errorShare: 0, p99Ms: 0, slices: 0 };
  expect(window.metrics(0)).toEqual(nothing);
  window.record(0, response(5));
  window.clear();
  expect(window.metrics(0)).toEqual(nothing);
});

it('returns the 99th percentile within 1 %, never too low', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.2, max: 20_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (times) => {
        const window = new TrafficWindow(windowMs);
        for (const ms of times) window.record(0, response(ms));
        const exact = times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1]!;
        const { p99Ms } = window.metrics(0);
        expect(p99Ms).toBeGreaterThanOrEqual(exact * 0.999999);
        expect(p99Ms).toBeLessThanOrEqual(exact * 1.01);
      },
    ),
  );
});

it('leaves a stall of a slice out of the response time, but not slow responses in most slices', () => {
  const sliceMs = windowMs / 20;
  const p99After = (slices: number, isSlow: (slice: number) => boolean): number => {
    const window = new TrafficWindow(windowMs);
    for (let slice = 0; slice < slices; slice++) {
      for (let request = 0; request < 50; request++) window.record(slice * sliceMs, response(isSlow(slice) ? 900 : 10));
    }
    return window.metrics((slices - 1) * sliceMs).p99Ms;
  };
  expect(p99After(5, (slice) => slice < 2)).toBeCloseTo(10, 0);
  expect(p99After(5, (slice) => slice < 3)).toBeGreaterThan(890);
  // Too few slices to tell.
  expect(p99After(4, (slice) => slice === 0)).toBeGreaterThan(890);
});

it('restores the counts of another window', () => {
  const [earlier, later] = [new TrafficWindow(windowMs), new TrafficWindow(windowMs)];
  for (let request = 0; request < 99; request++) earlier.record(0, response(10, { isFallback: request < 33 }));
  earlier.record(0, response(700, { isEmpty: true }));
  earlier.record(0, { kind: 'error' });
  later.restore(5_000_000, JSON.parse(JSON.stringify(earlier.counts(0))) as TrafficCounts);
  expect(later.metrics(5_000_000)).toEqual(earlier.metrics(0));
  later.record(5_000_001, { kind: 'error' });
  expect(later.metrics(5_000_001)).toMatchObject({ requests: 102, errorShare: 2 / 102 });
});

it('forgets requests older than the window, with the resolution of a twentieth', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 300_000 }), { maxLength: 60 }), fc.nat({ max: 60_000 }), (moments, later) => {
      const window = new TrafficWindow(windowMs);
      const ordered = moments.toSorted((a, b) => a - b);
      for (const moment of ordered) window.record(moment, response(1));
      const now = (ordered.at(-1) ?? 0) + later;
      const { requests } = window.metrics(now);
      const since = (age: number): number => ordered.filter((moment) => moment > now - age).length;
      expect(requests).toBeGreaterThanOrEqual(since(windowMs * 0.95));
      expect(requests).toBeLessThanOrEqual(since(windowMs));
    }),
  );
});
