import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';

/**
 * Numbers may differ by this much, or by this part of the expected one where that is larger than 1: the same bundle is computed
 * a little differently by other processors. It is what golden vectors of bundles may differ by.
 */
export const toleranceMax = 1e-4;

const folder = join(import.meta.dirname, 'golden');
const fileOf = (name: string): string => join(folder, `${name}.json`);

/** The names of the golden files there are. */
export async function listGolden(): Promise<string[]> {
  return (await readdir(folder)).map((file) => file.replace(/\.json$/, '')).sort();
}

export async function readGolden(name: string): Promise<unknown> {
  return JSON.parse(await readFile(fileOf(name), 'utf8'));
}

/** Writes what is expected from now on, with numbers as exact as they are compared. */
export async function writeGolden(name: string, value: unknown): Promise<void> {
  const rounded = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'number' ? Number(inner.toFixed(5)) : inner,
  );
  await mkdir(folder, { recursive: true });
  await writeFile(fileOf(name), await format(rounded, { parser: 'json', printWidth: 120 }));
}

/**
 * Where two values differ: all of them but numbers must be equal. Entries of a list whose scores are so near that another
 * processor may swap them may come in any order among themselves.
 */
export function differences(expected: unknown, actual: unknown, path = ''): string[] {
  if (typeof expected === 'number' && typeof actual === 'number') {
    return isNear(expected, actual, toleranceMax) ? [] : [`${path}: ${actual} instead of ${expected}`];
  }
  if (isContainer(expected) && isContainer(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    const [left, right] = Array.isArray(expected) ? inOneOrder(expected, actual as never) : [expected, actual];
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].flatMap((key) => differences(left[key], right[key], `${path}/${key}`));
  }
  return expected === actual ? [] : [`${path}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];
}

function isNear(a: number, b: number, tolerance: number): boolean {
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a));
}

/** Both lists with the entries of each run of near scores in the order of their ids. */
function inOneOrder(expected: readonly unknown[], actual: readonly unknown[]): [Container, Container] {
  const scores = expected.map(scoreOf);
  const runs: [number, number][] = [];
  for (const [at, score] of scores.entries()) {
    const before = scores[at - 1];
    const isTied = score !== undefined && before !== undefined && isNear(before, score, 2 * toleranceMax);
    if (isTied) runs.at(-1)![1] = at + 1;
    else runs.push([at, at + 1]);
  }
  const sorted = (list: readonly unknown[]): Container =>
    [
      ...runs.flatMap(([start, end]) => list.slice(start, end).sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1))),
      ...list.slice(expected.length),
    ] as unknown as Container;
  return [sorted(expected), sorted(actual)];
}

/** Of an item or a behavior, as answers and cursors have them. */
function scoreOf(value: unknown): number | undefined {
  if (!isContainer(value)) return undefined;
  const score = Array.isArray(value) ? value[1] : (value['score'] ?? value['share']);
  return typeof score === 'number' ? score : undefined;
}

function idOf(value: unknown): string {
  return String((isContainer(value) ? value['itemId'] : undefined) ?? (Array.isArray(value) ? value[0] : ''));
}

type Container = Readonly<Record<string, unknown>>;

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}
