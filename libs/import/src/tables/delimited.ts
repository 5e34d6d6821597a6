import type { LineBlock } from './lines.ts';
import type { BrokenLine, TableRow } from './table.ts';

/** How lines become cells. `quoting: 'csv'` is RFC 4180; `'tsv'` unwraps whole quoted cells, in which no tab or line end may stand; `'none'` takes every character as it stands. */
export interface Dialect {
  readonly delimiter: string;
  readonly quoting: 'csv' | 'tsv' | 'none';
}

export interface RecordChunk {
  readonly rows: readonly TableRow[];
  readonly broken: readonly BrokenLine[];
}

/** A quoted cell may span this many lines; a quote still open then was never meant to open. */
const recordLinesMax = 1000;

interface NumberedLine {
  readonly line: number;
  readonly text: string;
}

/**
 * Lines to records of any width. Blank lines are skipped. After a quote that never closes, reading resumes at the very next
 * line, so one bad quote costs one row, not the rest of the file; that is why this does not use a general CSV parser
 * (a test holds it to one on well-formed input).
 */
export async function* readRecords(blocks: AsyncIterable<LineBlock>, dialect: Dialect): AsyncGenerator<RecordChunk> {
  /** Lines of a record whose quote is still open. */
  let open: NumberedLine[] = [];
  for await (const block of blocks) {
    const rows: TableRow[] = [];
    const broken: BrokenLine[] = [];
    for (let index = 0; index < block.lines.length; index++) {
      const line = block.firstLine + index;
      const text = block.lines[index] as string;
      const fault = block.faults.get(index);
      if (fault !== undefined) {
        while (open.length > 0) open = settle(open, dialect, rows, broken);
        broken.push({ line, reason: fault, detail: fault === 'not-utf8' ? 'bytes that are not UTF-8' : 'over 16 MiB' });
      } else if (open.length > 0) {
        open.push({ line, text });
        open = take(open, dialect, rows, broken);
      } else if (text !== '') {
        if (dialect.quoting === 'none' || !text.includes('"')) {
          rows.push({ line, cells: text.split(dialect.delimiter) });
        } else if (dialect.quoting === 'tsv') rows.push({ line, cells: text.split(dialect.delimiter).map(unwrap) });
        else open = take([{ line, text }], dialect, rows, broken);
      }
    }
    if (rows.length > 0 || broken.length > 0) yield { rows, broken };
  }
  const rows: TableRow[] = [];
  const broken: BrokenLine[] = [];
  while (open.length > 0) open = settle(open, dialect, rows, broken);
  if (rows.length > 0 || broken.length > 0) yield { rows, broken };
}

/** Tries the lines as one record. Returns the lines still open, if a quote is. */
function take(lines: NumberedLine[], dialect: Dialect, rows: TableRow[], broken: BrokenLine[]): NumberedLine[] {
  const first = lines[0] as NumberedLine;
  const isFull = lines.length >= recordLinesMax;
  // A further line without a quote cannot close the record: to parse it again would make long records quadratic.
  if (lines.length > 1 && !isFull && !(lines.at(-1) as NumberedLine).text.includes('"')) return lines;
  const cells = splitQuoted(lines.map((entry) => entry.text).join('\n'), dialect.delimiter);
  if (Array.isArray(cells)) {
    rows.push({ line: first.line, cells });
    return [];
  }
  if (cells === 'open' && !isFull) return lines;
  if (lines.length > 1) return settle(lines, dialect, rows, broken);
  broken.push({ line: first.line, reason: 'bad-quoting', detail: 'text after a closing quote' });
  return [];
}

/** Gives up on the first of the open lines and reads the others afresh. Returns the lines still open. */
function settle(lines: NumberedLine[], dialect: Dialect, rows: TableRow[], broken: BrokenLine[]): NumberedLine[] {
  const [first, ...others] = lines;
  if (first === undefined) return [];
  broken.push({ line: first.line, reason: 'quote-not-closed', detail: 'a quote opens and does not close' });
  let open: NumberedLine[] = [];
  for (const entry of others) {
    if (open.length === 0 && entry.text === '') continue;
    open.push(entry);
    open = take(open, dialect, rows, broken);
  }
  return open;
}

/**
 * Cells of one RFC 4180 record. A quote inside an unquoted cell (`7" SINGLE`) is a character like any other. `'open'` when
 * the text ends inside quotes, `'bad'` when text follows a closing quote.
 */
function splitQuoted(text: string, delimiter: string): string[] | 'open' | 'bad' {
  const cells: string[] = [];
  for (let at = 0; ;) {
    if (text[at] !== '"') {
      const end = text.indexOf(delimiter, at);
      if (end === -1) return [...cells, text.slice(at)];
      cells.push(text.slice(at, end));
      at = end + 1;
      continue;
    }
    let close = text.indexOf('"', at + 1);
    while (close !== -1 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
    if (close === -1) return 'open';
    cells.push(text.slice(at + 1, close).replaceAll('""', '"'));
    if (close + 1 === text.length) return cells;
    if (text[close + 1] !== delimiter) return 'bad';
    at = close + 2;
  }
}

function unwrap(cell: string): string {
  if (cell.length < 2 || !cell.startsWith('"') || !cell.endsWith('"')) return cell;
  const inner = cell.slice(1, -1);
  return inner.replaceAll('""', '').includes('"') ? cell : inner.replaceAll('""', '"');
}

/** The delimiter of a CSV file, by its header: the one of `,` `;` tab `|` that occurs most outside quotes. */
export function guessDelimiter(header: string): string {
  const bare = header.replaceAll(/"[^"]*"/g, '');
  const count = (delimiter: string) => bare.split(delimiter).length - 1;
  return [',', ';', '\t', '|'].reduce((best, next) => (count(next) > count(best) ? next : best));
}
