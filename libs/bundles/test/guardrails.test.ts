import { parseWith } from '@facet/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeViolations, GuardrailSettings, judgeTraffic } from '../src/guardrails.ts';
import type { TrafficFigures } from '../src/guardrails.ts';

const settings = parseWith(GuardrailSettings, { requestsMin: 100 }, { source: 'test' });
const calm: TrafficFigures = { requests: 1000, fallbackShare: 0.1, emptyShare: 0, errorShare: 0, p99Ms: 20 };

describe('a bundle is judged by its traffic', () => {
  it('is disabled by default', () => {
    expect(settings.enabled).toBe(false);
  });

  it.each([
    ['fallbackShare', 0.9],
    ['emptyShare', 0.05],
    ['errorShare', 0.05],
    ['p99Ms', 500],
  ] as const)('a violation of %s alone suffices', (figure, value) => {
    const verdict = judgeTraffic(settings, { before: calm, after: { ...calm, [figure]: value } });
    const { max } = settings[figure];
    expect(verdict).toEqual({ kind: 'violated', violations: [{ figure, value, max, before: calm[figure] }] });
  });

  it('does not blame the bundle for metrics that were equal before', () => {
    const bad = { ...calm, fallbackShare: 0.9, p99Ms: 2_000 };
    expect(judgeTraffic(settings, { before: bad, after: bad })).toEqual({ kind: 'fine' });
    expect(judgeTraffic(settings, { before: bad, after: { ...bad, p99Ms: 2_200 } })).toMatchObject({
      kind: 'violated',
    });
  });

  it('accepts any rise below the bound', () => {
    const after = { ...calm, fallbackShare: 0.5, p99Ms: 250 };
    expect(judgeTraffic(settings, { before: calm, after })).toEqual({ kind: 'fine' });
  });

  it.each(['emptyShare', 'errorShare'] as const)(
    'without enough requests before, the bound of %s decides',
    (figure) => {
      const after = { ...calm, [figure]: 0.05 };
      expect(judgeTraffic(settings, { before: { ...calm, [figure]: 0.04 }, after })).toEqual({ kind: 'fine' });
      const before = { ...calm, [figure]: 0.04, requests: 99 };
      expect(judgeTraffic(settings, { before, after })).toMatchObject({ violations: [{ figure, before: undefined }] });
    },
  );

  it('without enough requests before, ignores fallbacks and slow responses', () => {
    const after = { ...calm, fallbackShare: 0.9, p99Ms: 2_000 };
    expect(judgeTraffic(settings, { before: { ...calm, requests: 99 }, after })).toEqual({ kind: 'fine' });
    expect(judgeTraffic(settings, { before: calm, after })).toMatchObject({ kind: 'violated' });
  });

  it('few requests are never a violation; many are never too few', () => {
    const figures = fc.record({
      requests: fc.nat({ max: 200 }),
      fallbackShare: fc.double({ min: 0, max: 1, noNaN: true }),
      emptyShare: fc.double({ min: 0, max: 1, noNaN: true }),
      errorShare: fc.double({ min: 0, max: 1, noNaN: true }),
      p99Ms: fc.double({ min: 0, max: 5_000, noNaN: true }),
    });
    fc.assert(
      fc.property(figures, figures, (before, after) => {
        const { kind } = judgeTraffic(settings, { before, after });
        expect(kind === 'too-few-requests').toBe(after.requests < 100);
        // In a valid comparison, no metric that is not worse than before may count.
        if (before.requests >= 100) {
          expect(judgeTraffic(settings, { before, after: { ...before, requests: 100 } }).kind).toBe('fine');
        }
      }),
    );
  });

  it('describes the metrics', () => {
    const before = { ...calm, requests: 10 };
    const after = { ...calm, requests: 512, emptyShare: 1, p99Ms: 1234.5 };
    const verdict = judgeTraffic(settings, { before: calm, after });
    if (verdict.kind !== 'violated') throw new Error(verdict.kind);
    expect(describeViolations(verdict.violations, 512)).toBe(
      'emptyShare 1 (at most 0.02, 0 before), p99Ms 1230 (at most 250, 20 before) of 512 requests',
    );
    const alone = judgeTraffic(settings, { before, after });
    expect(alone.kind === 'violated' && describeViolations(alone.violations, 512)).toContain('unknown before');
  });
});
