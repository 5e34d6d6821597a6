import { describe, expect, it } from 'vitest';
import { fit, formatDuration, printable, textWidth, truncate, wrap } from '../src/terminal/text.ts';

describe('text on a terminal', () => {
  it('measures cells, not code units', () => {
    expect(textWidth('Amélie')).toBe(6);
    expect(textWidth('e\u0301')).toBe(1);
    expect(textWidth('千と千尋')).toBe(8);
  });

  it('truncates to the width, and leaves what fits', () => {
    expect(truncate('Toy Story', 9)).toBe('Toy Story');
    expect(truncate('Toy Story', 8)).toBe('Toy Sto…');
    expect(textWidth(truncate('千と千尋の神隠し', 6))).toBeLessThanOrEqual(6);
    expect(textWidth(fit('千と千尋', 7))).toBe(7);
  });

  it('keeps data from moving the cursor or coloring the screen', () => {
    expect(printable('a\u001b[31mb\nc')).toBe('a [31mb c');
  });

  it('wraps at spaces', () => {
    expect(wrap('one two three', 7)).toBe('one two\nthree');
  });

  it.each([
    [400, '0.4 s'],
    [12_300, '12 s'],
    [59_900, '1 min 0 s'],
    [125_000, '2 min 5 s'],
  ])('says %i ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});
