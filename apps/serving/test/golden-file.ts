import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';

/**
 * The tolerance of numbers: absolute up to 1, relative above. Processors compute slightly different results. Golden vectors of
 * bundles have the same tolerance.
 */
const toleranceMax = 1e-4;

const folder = join(import.meta.dirname, 'golden');
const fileOf = (name: string): string => join(folder, `${name}.json`);

/** Lists the names of the golden files. */
export async function listGolden(): Promise<string[]> {
  return (await readdir(folder)).map((file) => file.replace(/\.json$/, '')).sort();
}

export async function readGolden(name: string): Promise<unknown> {
  return JSON.parse(await readFile(fileOf(name), 'utf8'));
}

/** Writes a golden file, with numbers rounded to the tolerance. */
export async function writeGolden(name: string, value: unknown): Promise<void> {
  const rounded = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'number' ? Number(inner.toFixed(5)) : inner,
  );
  await mkdir(folder, { recursive: true });
  await writeFile(fileOf(name), await format(rounded, { parser: 'json', printWidth: 120 }));
}

/**
 * Lists the differences of two values. Numbers may differ by the tolerance. List entries with nearly equal scores may have any
 * order, because processors may swap them.
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

/** Sorts runs of entries with nearly equal scores by id, in both lists. */
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

/** Returns the score of an item or a behavior, in the form of responses or cursors. */
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
