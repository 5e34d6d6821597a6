import { parseWith } from '@facet/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeViolations, guardrailBounds, GuardrailSettings, judgeBundle } from '../src/guardrails.ts';
import type { SwapMetrics, TrafficMetrics } from '../src/guardrails.ts';

const settings = parseWith(GuardrailSettings, { requestsMin: 100 }, { source: 'test' });
const calm: TrafficMetrics = {
  requests: 1000,
  fallbackShare: 0.1,
  emptyShare: 0,
  errorShare: 0,
  p99Ms: 20,
  slices: 20,
};

describe('a bundle is judged by its traffic', () => {
  it('is enabled by default', () => {
    expect(settings.enabled).toBe(true);
  });

  it.each([
    ['fallbackShare', 0.9],
    ['emptyShare', 0.05],
    ['errorShare', 0.05],
    ['p99Ms', 1_500],
  ] as const)('a violation of %s alone suffices', (metric, value) => {
    const verdict = judgeBundle(settings, { before: calm, after: { ...calm, [metric]: value } });
    const { max } = guardrailBounds[metric].normal;
    expect(verdict).toEqual({ kind: 'violated', violations: [{ metric, value, max, before: calm[metric] }] });
  });

  it('an ignored metric is no violation, and a strict bound objects earlier', () => {
    const after = { ...calm, emptyShare: 0.015 };
    const judge = (other: Partial<GuardrailSettings>) =>
      judgeBundle({ ...settings, ...other }, { before: calm, after });
    expect(judge({}).kind).toBe('fine');
    expect(judge({ strictness: 'strict' }).kind).toBe('violated');
    expect(judge({ strictness: 'strict', ignore: ['emptyShare'] }).kind).toBe('fine');
  });

  it('does not blame the bundle for metrics that were equal before', () => {
    const bad = { ...calm, fallbackShare: 0.9, p99Ms: 2_000 };
    expect(judgeBundle(settings, { before: bad, after: bad })).toEqual({ kind: 'fine' });
    expect(judgeBundle(settings, { before: bad, after: { ...bad, p99Ms: 2_600 } })).toMatchObject({
      kind: 'violated',
    });
  });

  it('judges the response time only after a quarter of the window', () => {
    const after = { ...calm, p99Ms: 2_000 };
    expect(judgeBundle(settings, { before: calm, after: { ...after, slices: 4 } })).toEqual({ kind: 'fine' });
    expect(judgeBundle(settings, { before: calm, after: { ...after, slices: 5 } })).toMatchObject({ kind: 'violated' });
  });

  it('accepts any rise below the bound', () => {
    const after = { ...calm, fallbackShare: 0.5, p99Ms: 1_000 };
    expect(judgeBundle(settings, { before: calm, after })).toEqual({ kind: 'fine' });
  });

  it.each(['emptyShare', 'errorShare'] as const)(
    'without enough requests before, the bound of %s decides',
    (metric) => {
      const after = { ...calm, [metric]: 0.05 };
      expect(judgeBundle(settings, { before: { ...calm, [metric]: 0.04 }, after })).toEqual({ kind: 'fine' });
      const before = { ...calm, [metric]: 0.04, requests: 99 };
      expect(judgeBundle(settings, { before, after })).toMatchObject({ violations: [{ metric, before: undefined }] });
    },
  );

  it('without enough requests before, ignores fallbacks and slow responses', () => {
    const after = { ...calm, fallbackShare: 0.9, p99Ms: 2_000 };
    expect(judgeBundle(settings, { before: { ...calm, requests: 99 }, after })).toEqual({ kind: 'fine' });
    expect(judgeBundle(settings, { before: calm, after })).toMatchObject({ kind: 'violated' });
  });

  it('few requests are never a violation; many are never too few', () => {
    const figures = fc.record({
      requests: fc.nat({ max: 200 }),
      fallbackShare: fc.double({ min: 0, max: 1, noNaN: true }),
      emptyShare: fc.double({ min: 0, max: 1, noNaN: true }),
      errorShare: fc.double({ min: 0, max: 1, noNaN: true }),
      p99Ms: fc.double({ min: 0, max: 5_000, noNaN: true }),
      slices: fc.nat({ max: 20 }),
    });
    fc.assert(
      fc.property(figures, figures, (before, after) => {
        const { kind } = judgeBundle(settings, { before, after });
        expect(kind === 'too-few-requests').toBe(after.requests < 100);
        // In a valid comparison, no metric that is not worse than before may count.
        if (before.requests >= 100) {
          expect(judgeBundle(settings, { before, after: { ...before, requests: 100 } }).kind).toBe('fine');
        }
      }),
    );
  });

  it('describes the metrics', () => {
    const before = { ...calm, requests: 10 };
    const after = { ...calm, requests: 512, emptyShare: 1, p99Ms: 1234.5 };
    const verdict = judgeBundle(settings, { before: calm, after });
    if (verdict.kind !== 'violated') throw new Error(verdict.kind);
    expect(describeViolations(verdict.violations, { after })).toBe(
      'emptyShare 1 (at most 0.02, 0 before), p99Ms 1230 (at most 1000, 20 before) of 512 requests',
    );
    const alone = judgeBundle(settings, { before, after });
    expect(alone.kind === 'violated' && describeViolations(alone.violations, { after })).toContain('unknown before');
  });
});

describe('a bundle is judged by its comparison with the previous bundle', () => {
  const few: TrafficMetrics = { ...calm, requests: 0 };
  const usual: SwapMetrics = { compared: 20, changedShare: 0.5, interestCosine: { before: 0.7, after: 0.7 } };
  const judge = (swap: Partial<SwapMetrics>) =>
    judgeBundle(settings, { before: few, after: few, swap: { ...usual, ...swap } });

  it('needs no requests to the new bundle', () => {
    expect(judge({})).toEqual({ kind: 'too-few-requests' });
    expect(judge({ changedShare: 0.97 })).toEqual({
      kind: 'violated',
      violations: [{ metric: 'changedShare', value: 0.97, max: 0.9, before: undefined }],
    });
    expect(judge({ changedShare: 0.9 })).toEqual({ kind: 'too-few-requests' });
  });

  it('accepts few compared requests, because their difference may be chance', () => {
    expect(judge({ compared: 9, changedShare: 1 })).toEqual({ kind: 'too-few-requests' });
    expect(judge({ compared: 10, changedShare: 1 })).toMatchObject({ kind: 'violated' });
  });

  it('reports interests that have become equal, but not those that were equal before', () => {
    const metric = 'interestCosine';
    expect(judge({ interestCosine: { before: 0.7, after: 1 } })).toMatchObject({
      violations: [{ metric, before: 0.7 }],
    });
    expect(judge({ interestCosine: { before: 0.995, after: 1 } })).toEqual({ kind: 'too-few-requests' });
    expect(judge({ interestCosine: { before: 0.5, after: 0.98 } })).toEqual({ kind: 'too-few-requests' });
  });

  it('describes the requests of both comparisons', () => {
    const after = { ...calm, requests: 512, emptyShare: 1 };
    const swap = { ...usual, changedShare: 1 };
    const verdict = judgeBundle(settings, { before: calm, after, swap });
    expect(verdict.kind === 'violated' && describeViolations(verdict.violations, { after, swap })).toBe(
      'changedShare 1 (at most 0.9) of 20 compared requests, emptyShare 1 (at most 0.02, 0 before) of 512 requests',
    );
  });
});
