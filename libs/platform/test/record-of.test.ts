import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { expect, it } from 'vitest';
import { recordOf } from '../src/index.ts';

it.each(['', 'name', 'two\nlines', '\r', '\u2028', '\0', '__proto__', '🙂'])(
  'checks the value of every field, whatever its name: %j',
  (name) => {
    const check = Compile(recordOf(Type.Number()));
    expect(check.Check(Object.fromEntries([[name, 1]]))).toBe(true);
    expect(check.Check(Object.fromEntries([[name, null]]))).toBe(false);
  },
);
