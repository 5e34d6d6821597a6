import type { EvaluationReport } from '@facet/stages';
import { describe, expect, it } from 'vitest';
import { renderEvaluation } from '../src/terminal/evaluation-tables.ts';

type Margin = EvaluationReport['margin']['new'];
type Figures = readonly [recall: number, hitRate: number, ndcg: number, coverage: number];

function method(name: string, [recall, hitRate, ndcg, coverage]: Figures): EvaluationReport['methods'][number] {
  const metrics = {
    users: 91,
    cutoffs: [{ cutoff: 50, recall, hitRate, ndcg, mrr: 0, coverage }],
    recall: { mean: recall, low: 0, high: 1 },
  };
  return { name, new: metrics, all: metrics };
}

function report(
  model: Figures,
  baseline: Figures,
  margin: Omit<Margin, 'baseline' | 'shareAboveZero'>,
): EvaluationReport {
  const full = { ...margin, baseline: 'popularity', shareAboveZero: 1 };
  return {
    modelId: 'm',
    datasetId: 'd',
    window: { from: Date.UTC(1998, 2, 8), before: Date.UTC(1998, 3, 23) },
    mainCutoff: 50,
    rules: '',
    methods: [method('interest model', model), method('popularity', baseline)],
    margin: { new: full, all: full },
    interests: {
      meanInterests: 3.91,
      similarity: { users: 91, meanCosine: 0.773, meanMaxCosine: 0.9, maxCosine: 1 },
      labelShares: [0.3, 0.3, 0.2, 0.2],
      effectiveInterests: 3.9,
    },
  } as unknown as EvaluationReport;
}

const plain = { style: (_: unknown, text: string) => text, width: 80 };
const rendered = (...args: Parameters<typeof report>): string =>
  renderEvaluation(report(...args), plain).replaceAll('\n', ' ');

describe('the rendered evaluation', () => {
  it('says when the model wins, with margin and interval', () => {
    const text = rendered([0.4, 0.8, 0.3, 0.2], [0.3, 0.7, 0.2, 0.1], { mean: 0.1, low: 0.03, high: 0.17 });
    expect(text).toContain(
      'beats the best other method (popularity) by 0.1000 in recall@50 (95 % interval +0.0300 to +0.1700)',
    );
    expect(text).not.toContain('Another method');
    expect(text).toContain('1998-03-08 to 1998-04-22');
    expect(text).toContain("3.9 per user, mean cosine of a user's pairs 0.77");
    expect(text).toContain('won by each: 30 %, 30 %, 20 %, 20 %.');
  });

  it('says when the model loses', () => {
    const text = rendered([0.2, 0.7, 0.1, 0.2], [0.3, 0.8, 0.2, 0.1], { mean: -0.1, low: -0.17, high: -0.03 });
    expect(text).toContain('loses to popularity by 0.1000 in recall@50 (95 % interval −0.1700 to −0.0300)');
    expect(text).toContain('Another method is ahead in HitRate@50 (popularity) and NDCG@50 (popularity).');
  });

  it('says when a difference may be chance, in both directions', () => {
    const [same, worse] = [
      [0.31, 0.8, 0.3, 0.2],
      [0.29, 0.8, 0.3, 0.2],
    ] as const;
    const baseline: Figures = [0.3, 0.7, 0.2, 0.1];
    expect(rendered(same, baseline, { mean: 0.01, low: -0.02, high: 0.04 })).toMatch(
      /0\.0100 ahead of popularity.*may be chance/,
    );
    expect(rendered(worse, baseline, { mean: -0.01, low: -0.04, high: 0.02 })).toMatch(
      /0\.0100 behind popularity.*may be chance/,
    );
  });

  it('calls equal methods equal', () => {
    const same: Figures = [1, 1, 0.5, 1];
    expect(rendered(same, same, { mean: 0, low: 0, high: 0 })).toContain(
      'the interest model and popularity are equal in recall@50.',
    );
  });

  it('keeps to 80 columns and marks the best value of each column', () => {
    const marked = renderEvaluation(
      report([0.4, 0.8, 0.3, 0.2], [0.3, 0.7, 0.2, 0.9], { mean: 0.1, low: 0.03, high: 0.17 }),
      { style: (format, text) => (Array.isArray(format) && format.includes('green') ? `<${text}>` : text), width: 80 },
    );
    for (const value of ['<0.4000>', '<0.8000>', '<0.3000>', '<0.9000>']) expect(marked).toContain(value);
    expect(marked).not.toContain('<0.7000>');
    for (const line of marked.replaceAll(/[<>]/g, '').split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});
