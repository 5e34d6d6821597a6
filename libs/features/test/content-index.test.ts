import { describe, expect, it } from 'vitest';
import { buildContentIndex, encodeFeatures } from '../src/index.ts';
import type { FeatureSchema } from '../src/index.ts';

const title: FeatureSchema = { name: 'title', kind: 'words', values: ['lamp'], edges: [], slots: 1 };
const brand: FeatureSchema = { name: 'brand', kind: 'category', values: ['a', 'b'], edges: [], slots: 1 };

function contentOf(facts: readonly { title?: string; brand?: string }[]) {
  return {
    features: encodeFeatures(
      [title, brand],
      facts.map((item) => ({ ...item })),
    ),
    titleOf: (item: number) => facts[item]!.title,
  };
}

describe('buildContentIndex', () => {
  const facts = [
    {},
    { title: 'Red lamp', brand: 'a' },
    { title: 'Red lamps', brand: 'a' },
    { title: 'Garden chair', brand: 'b' },
    { title: 'Garden chair' },
    { brand: 'b' },
    {},
  ];
  const content = contentOf(facts);
  const index = buildContentIndex(content, Int32Array.of(1, 2, 3, 4, 5, 6));
  const nearest = (item: { title?: string; brand?: string }, count = 6) => {
    const { items, similarities } = index.nearest(contentOf([{}, item]), 1, count);
    return { items: [...items], similarities: [...similarities] };
  };

  it('gives an equal item the similarity 1, and each feature of an item the same weight', () => {
    const { items, similarities } = nearest(facts[3]!);
    expect(items[0]).toBe(3);
    expect(items.toSorted((a, b) => a - b)).toEqual([3, 4, 5]);
    // Items 4 and 5 equal one of two features.
    expect(similarities[0]).toBeCloseTo(1);
    expect(similarities[1]).toBeCloseTo(0.5);
    expect(similarities[2]).toBeCloseTo(0.5);
  });

  it('matches plurals and compounds, in any case', () => {
    const { items, similarities } = nearest({ title: 'LAMPSHADE' });
    expect(items).toEqual([2, 1]);
    expect(similarities[0]).toBeGreaterThan(0.2);
    expect(nearest({ title: 'red LAMPS' }, 1).items).toEqual([2]);
  });

  it('finds nothing for an item without content, or in an empty index', () => {
    expect(nearest({})).toEqual({ items: [], similarities: [] });
    expect(nearest({ title: '--', brand: 'unknown' })).toEqual({ items: [], similarities: [] });
    expect([...buildContentIndex(content, new Int32Array()).nearest(content, 1, 3).items]).toEqual([]);
  });
});
