import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { workspaceRoot } from '@facet/testing';
import { expect, it } from 'vitest';

const read = (file: string): string => readFileSync(path.join(workspaceRoot, file), 'utf8');
const matchesOf = (text: string, pattern: RegExp): string[] =>
  Array.from(text.matchAll(pattern), ([, part = '']) => part);

/** Returns the packages that a lib imports, with their entries, such as `@facet/stages/training`. */
function importsOf(lib: string): string[] {
  const folder = `libs/${lib}/src`;
  return readdirSync(path.join(workspaceRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => matchesOf(read(`${folder}/${name}`), /\b(?:from |import |import\()'([^.'][^']*)'/g));
}

/** Returns whether an import reads the package `name`, or for `@facet/*`, any package of this scope. */
function isOf(imported: string, name: string): boolean {
  return `${imported}/`.startsWith(name.endsWith('*') ? name.slice(0, -1) : `${name}/`);
}

function isKnown(name: string): boolean {
  const folder = name.split('/').slice(0, name.startsWith('@') ? 2 : 1);
  return (
    name.startsWith('node:') || name.endsWith('/*') || existsSync(path.join(workspaceRoot, 'node_modules', ...folder))
  );
}

const form =
  /^\/\*\n \* .+\n \* Start with (.+?)\.(?: .+)?\n \* Imports ((?:no|only) [^:]+(?:node:[^:]+)?): .+\n \*\/\n/;

/** Returns the problems of the comment at the start of a lib. */
function findDoorProblems(index: string, imports: readonly string[]): string[] {
  const [door = '', start = '', rule = ''] = form.exec(index) ?? [];
  if (door === '') return ['does not open with a purpose, "Start with …" and "Imports no …: reason", a line each'];
  const functions = matchesOf(start, /`(\w+)`/g);
  const exported = matchesOf(index, /^export {([^}]*)}/gm).flatMap((names) => names.split(/[\s,]+/));
  const forbidden = matchesOf(rule, /no `([^`]+)`/g);
  const allowed = matchesOf(rule, /only `([^`]+)`/g);
  const isForbidden = (name: string): boolean =>
    forbidden.some((one) => isOf(name, one)) ||
    (allowed.length > 0 && isOf(name, '@facet/*') && !allowed.some((one) => isOf(name, one)));
  return [
    ...(functions.length === 3 ? [] : [`names ${functions.length} functions instead of 3`]),
    ...functions.filter((name) => !exported.includes(name)).map((name) => `does not export ${name}`),
    ...[...forbidden, ...allowed].filter((name) => !isKnown(name)).map((name) => `names the unknown package ${name}`),
    ...imports.filter(isForbidden).map((name) => `imports ${name}`),
  ];
}

it.each(readdirSync(path.join(workspaceRoot, 'libs')))(
  'opens libs/%s with its purpose, main functions and rule',
  (lib) => {
    const imports = importsOf(lib);
    expect(lib === 'client' || imports.length > 0).toBe(true);
    expect(findDoorProblems(read(`libs/${lib}/src/index.ts`), imports)).toEqual([]);
  },
);

it('finds a wrong function and a wrong import', () => {
  const index = read('libs/features/src/index.ts');
  expect(findDoorProblems(index.replace('`chooseTimeSplit`', '`chooseSplit`'), [])).toEqual([
    'does not export chooseSplit',
  ]);
  expect(findDoorProblems(index, ['@facet/lake/run-spark', 'node:fs/promises', '@facet/platform/time'])).toEqual([
    'imports @facet/lake/run-spark',
    'imports node:fs/promises',
  ]);
  expect(findDoorProblems(index.slice(3), [])).toHaveLength(1);
});
