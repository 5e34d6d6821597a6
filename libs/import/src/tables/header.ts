import type { TableColumn } from './table.ts';

const recboleKinds: Readonly<Record<string, Omit<TableColumn, 'name'>>> = {
  token: { kind: 'text' },
  token_seq: { kind: 'list', separator: ' ' },
  float: { kind: 'number' },
  float_seq: { kind: 'list', separator: ' ' },
};

/** A column of a RecBole atomic file: `name:type`, the type being token, token_seq, float or float_seq. */
export function recboleColumn(header: string): TableColumn {
  const colon = header.lastIndexOf(':');
  const kind = colon === -1 ? undefined : recboleKinds[header.slice(colon + 1)];
  return kind === undefined ? { name: header, kind: 'text' } : { name: header.slice(0, colon), ...kind };
}

/** Columns that hold several values by their very name; `|` between values is the habit of MovieLens and many exports. */
const pluralNames = new Set(['genres', 'categories', 'tags', 'keywords']);

/**
 * A column of a CSV or TSV file. A header such as `attributes(brand|categories)` declares a list whose values are
 * separated by `|`. The parts are not told apart: in real files the first of them (the brand) is often absent, so reading
 * by position would call a category a brand.
 */
export function plainColumn(header: string): TableColumn {
  const name = header.trim();
  const annotated = /^(.+?)\s*\([^()|]+(?:\|[^()|]+)+\)$/.exec(name);
  if (annotated !== null) return { name: annotated[1] as string, kind: 'list', separator: '|' };
  if (pluralNames.has(name.toLowerCase())) return { name, kind: 'list', separator: '|' };
  return { name, kind: 'text' };
}
