import { expect, test } from 'vitest';
import { alignColumns, section } from '../src/index.ts';

test('aligns columns to the left or the right', () => {
  expect(
    alignColumns(
      [
        ['day', 'events'],
        ['2024-01-15', '7'],
      ],
      { right: [1], indent: 2 },
    ),
  ).toEqual(['  day         events', '  2024-01-15       7']);
});

test('aligns wide characters and styled cells by the cells they occupy', () => {
  const bold = '\u001B[1mname\u001B[22m';
  expect(
    alignColumns([
      [bold, 'x'],
      ['日本', 'y'],
      ['ab', 'z'],
    ]),
  ).toEqual([`${bold}  x`, '日本  y', 'ab    z']);
});

test('leaves out a section without lines', () => {
  expect([section('Files', []), section('Files', ['a', 'b'])]).toEqual(['', 'Files\n  a\n  b']);
});
