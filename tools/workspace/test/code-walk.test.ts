import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { workspaceRoot } from '@facet/testing';
import { expect, it } from 'vitest';

const read = (file: string): string => readFileSync(path.join(workspaceRoot, file), 'utf8');

/** Returns whether a file declares a function or a method. A call is not a declaration. */
function declares(text: string, name: string): boolean {
  return new RegExp(`\\b(?:function|const) ${name}\\b|^ +(?:async )?${name}\\([^=]*\\{$`, 'm').test(text);
}

it('finds each file of docs/code-walk.md, and the functions in it', () => {
  const problems: string[] = [];
  let file = '';
  let functions = 0;
  for (const [, code = ''] of read('docs/code-walk.md').matchAll(/`((?:apps|libs)\/[\w/.-]+|[a-z]\w*)`/g)) {
    if (code.includes('/')) {
      file = code;
      if (!existsSync(path.join(workspaceRoot, file))) problems.push(`${file} does not exist`);
    } else {
      functions += 1;
      if (existsSync(path.join(workspaceRoot, file)) && !declares(read(file), code)) {
        problems.push(`${file} does not declare ${code}`);
      }
    }
  }
  expect(problems).toEqual([]);
  expect(functions).toBeGreaterThan(40);
});

it('distinguishes a declaration from a call', () => {
  expect(declares('export async function one() {}', 'one')).toBe(true);
  expect(declares('  async check(): Promise<void> {', 'check')).toBe(true);
  expect(declares('  one();\n', 'one')).toBe(false);
  expect(declares('  one(() => {\n', 'one')).toBe(false);
});
