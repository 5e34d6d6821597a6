import { alignColumns, formatCount } from '@facet/platform';

/** Prints the figures of a benchmark or a fault suite: as JSON, or as text. */
export function printFigures(isJson: boolean, figures: object): void {
  console.log(isJson ? JSON.stringify(figures) : renderFigures(figures));
}

/** Returns a line for each figure, and a block for each list of texts or objects. The names of the figures end in their units. */
export function renderFigures(figures: object): string {
  const flat = Object.entries(flatten(figures));
  const lines = flat.flatMap(([name, value]) => (isList(value) ? [] : [[name, describe(value)]]));
  const lists = flat.flatMap(([name, value]) => (isList(value) ? [`\n${name}`, ...renderList(value)] : []));
  return [...alignColumns(lines), ...lists].join('\n');
}

function renderList(values: readonly string[] | readonly object[]): string[] {
  if (typeof values[0] === 'string') return values.map((text) => `  ${String(text)}`);
  const rows = (values as readonly object[]).map(flatten);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => columns.map((column) => describe(row[column])));
  const isNumeric = (name: string): boolean => rows.some((row) => typeof row[name] === 'number');
  const right = [...columns.keys()].filter((column) => isNumeric(columns[column]!));
  return alignColumns([columns, ...cells], { right, indent: 2 });
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

function isList(value: unknown): value is readonly string[] | readonly object[] {
  return Array.isArray(value) && ['string', 'object'].includes(typeof value[0]);
}

/** Returns a number with four digits, and a dash for NaN. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return value.map(describe).join(' ') || 'none';
  if (typeof value !== 'number') return String(value ?? '');
  if (Number.isNaN(value)) return '–';
  return Math.abs(value) >= 1_000 ? formatCount(value) : String(Number(value.toPrecision(4)));
}
