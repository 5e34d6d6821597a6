import { describe, expect, it } from 'vitest';
import { fit, printable, renderTable, truncate, wrap } from '../src/terminal/text.ts';

describe('text on a terminal', () => {
  it('measures cells, not code units', () => {
    expect(fit('Amélie', 8)).toBe('Amélie  ');
    expect(fit('e\u0301', 2)).toBe('e\u0301 ');
    expect(fit('千と千尋', 9)).toBe('千と千尋 ');
    expect(renderTable(['A', 'B'], [['千', 'x']], { style: (_, text) => text })).toBe('  A   B\n  千  x');
  });

  it('truncates text that is wider than the column', () => {
    expect(truncate('Toy Story', 9)).toBe('Toy Story');
    expect(truncate('Toy Story', 8)).toBe('Toy Sto…');
    expect(truncate('千と千尋の神隠し', 6)).toBe('千と…');
    expect(fit('千と千尋', 7)).toBe('千と千…');
  });

  it('removes control characters from data', () => {
    expect(printable('a\u001b[31mb\nc')).toBe('a [31mb c');
  });

  it('wraps at spaces', () => {
    expect(wrap('one two three', 7)).toBe('one two\nthree');
  });
});
