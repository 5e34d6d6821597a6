import { json, readCommandLine } from '@facet/local-services';
import type { Options } from '@facet/local-services';
import { alignColumns, formatCount } from '@facet/platform';

/** A bound that a figure should meet. */
export interface Target {
  readonly name: string;
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Reads the command line of a benchmark, which has the option `--json`. */
export function startBench<const Given extends Options>(command: Parameters<typeof readCommandLine<Given>>[0]) {
  const options = { ...command.options, json } as Given & { readonly json: typeof json };
  const { values, positionals } = readCommandLine({ ...command, options });
  return {
    values,
    positionals,
    /**
     * Prints the figures as JSON with `--json`, or else as text, and then whether they meet their targets.
     *
     * @returns whether all targets are met.
     */
    report(figures: Figures, targets: readonly Target[] = []): boolean {
      console.log(values.json ? JSON.stringify({ ...figures, targets }) : renderFigures(figures));
      if (!values.json && targets.length > 0) console.log(alignColumns(targets.map(describeTarget)).join('\n'));
      return targets.every(isMet);
    },
  };
}

type Figures = Readonly<Record<string, unknown>>;

/** Returns a line for each figure and a table for each list of objects. The names of the figures end in their units. */
export function renderFigures(figures: Figures): string {
  const flat = Object.entries(flatten(figures));
  const lines = flat.flatMap(([name, value]) => (isTable(value) ? [] : [[name, describe(value)]]));
  const tables = flat.flatMap(([name, value]) => (isTable(value) ? [`\n${name}`, ...renderTable(value)] : []));
  return [...alignColumns(lines), ...tables].join('\n');
}

function renderTable(rows: readonly object[]): string[] {
  const flat = rows.map(flatten);
  const columns = [...new Set(flat.flatMap((row) => Object.keys(row)))];
  const cells = flat.map((row) => columns.map((column) => describe(row[column])));
  return alignColumns([columns, ...cells], { right: [...columns.keys()].slice(1), indent: 2 });
}

/** Returns the figures of nested objects by their path, such as `latency.p50Ms`. */
function flatten(figures: object): Record<string, unknown> {
  const entries = Object.entries(figures).flatMap(([name, value]): (readonly [string, unknown])[] =>
    typeof value !== 'object' || value === null || Array.isArray(value)
      ? [[name, value]]
      : Object.entries(flatten(value as object)).map(([path, each]) => [`${name}.${path}`, each]),
  );
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function isTable(value: unknown): value is readonly object[] {
  return Array.isArray(value) && typeof value[0] === 'object';
}

/** Returns a number with four digits, and a dash for NaN. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return value.map(describe).join(' ');
  if (typeof value !== 'number') return String(value ?? '');
  if (Number.isNaN(value)) return '–';
  return Math.abs(value) >= 1_000 ? formatCount(value) : String(Number(value.toPrecision(4)));
}

function isMet({ value, atMost = Infinity, atLeast = -Infinity }: Target): boolean {
  return value <= atMost && value >= atLeast;
}

function describeTarget(target: Target): string[] {
  const { name, value, atMost, atLeast } = target;
  const bound = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
  return [name, describe(value), `${bound}: ${isMet(target) ? 'met' : 'MISSED'}`];
}
