import { expect, it } from 'vitest';
import { renderHeatMap } from '../src/users/interest.ts';

const plain = { style: (_: unknown, text: string) => text, width: 60 };
const behavior = (itemId: string, ...coefficients: number[]) => ({ itemId, title: `The ${itemId}`, coefficients });

it('shows the newest behaviors first, with a shade and a percentage for each interest', () => {
  const behaviors = [behavior('old one', 1, 0), behavior('film', 0.9, 0.1), behavior('song', 0.3, 0.7)];
  expect(renderHeatMap({ behaviors, similarity: {} }, 2, plain)).toBe(
    ['Behavior               1       2', 'The song         ▒▒▒  30 ▓▓▓  70', 'The film         ███  90 ░░░  10'].join(
      '\n',
    ),
  );
});

it('shows many interests in one column each', () => {
  const coefficients = Array.from({ length: 64 }, (_, interest) => (interest === 63 ? 1 : 0));
  const text = renderHeatMap({ behaviors: [behavior('film', ...coefficients)], similarity: {} }, 9, plain);
  expect(text.split('\n')[1]).toBe(`The film        ${'·'.repeat(63)}█`);
});
