import { faultDetails } from './lines.ts';
import type { LineBlock } from './lines.ts';
import type { BrokenLine, TableRow } from './table.ts';

/**
 * How lines are split into cells. `csv` quoting follows RFC 4180. `tsv` quoting unwraps cells that are quoted as a whole,
 * without tabs or line ends inside. `none` keeps every character.
 */
export interface Dialect {
  readonly delimiter: string;
  readonly quoting: 'csv' | 'tsv' | 'none';
}

export interface RecordChunk {
  readonly rows: readonly TableRow[];
  readonly broken: readonly BrokenLine[];
}

/** A quoted cell may span this many lines. A quote that is open for longer is an error in the file. */
const recordLinesMax = 1000;

interface NumberedLine {
  readonly line: number;
  readonly text: string;
}

/**
 * Parses lines into records of any width and skips blank lines. Facet has its own CSV reader because it resumes at the line
 * after an unclosed quote: a bad quote costs one row, where csv-parse loses the rest of the file. A test compares both readers
 * on well-formed input.
 */
export async function* readRecords(blocks: AsyncIterable<LineBlock>, dialect: Dialect): AsyncGenerator<RecordChunk> {
  /** Lines of a record with an open quote. */
  let open: NumberedLine[] = [];
  for await (const block of blocks) {
    const rows: TableRow[] = [];
    const broken: BrokenLine[] = [];
    for (let index = 0; index < block.lines.length; index++) {
      const line = block.firstLine + index;
      const text = block.lines[index] as string;
      const fault = block.faults.get(index);
      if (fault !== undefined) {
        while (open.length > 0) open = dropFirst(open, dialect, rows, broken);
        broken.push({ line, reason: fault, detail: faultDetails[fault] });
      } else if (open.length > 0) {
        open.push({ line, text });
        open = parseOpen(open, dialect, rows, broken);
      } else if (text !== '') {
        if (dialect.quoting === 'none' || !text.includes('"')) {
          rows.push({ line, raw: text, cells: text.split(dialect.delimiter) });
        } else if (dialect.quoting === 'tsv') {
          rows.push({ line, raw: text, cells: text.split(dialect.delimiter).map(unwrap) });
        } else open = parseOpen([{ line, text }], dialect, rows, broken);
      }
    }
    if (rows.length > 0 || broken.length > 0) yield { rows, broken };
  }
  const rows: TableRow[] = [];
  const broken: BrokenLine[] = [];
  while (open.length > 0) open = dropFirst(open, dialect, rows, broken);
  if (rows.length > 0 || broken.length > 0) yield { rows, broken };
}

/** Parses the lines as one record. Returns them when a quote is still open. */
function parseOpen(lines: NumberedLine[], dialect: Dialect, rows: TableRow[], broken: BrokenLine[]): NumberedLine[] {
  const first = lines[0] as NumberedLine;
  const isFull = lines.length >= recordLinesMax;
  // A line without a quote cannot close the record. Parsing again would take quadratic time.
  if (lines.length > 1 && !isFull && !(lines.at(-1) as NumberedLine).text.includes('"')) return lines;
  const raw = lines.map((entry) => entry.text).join('\n');
  const cells = splitQuoted(raw, dialect.delimiter);
  if (Array.isArray(cells)) {
    rows.push({ line: first.line, raw, cells });
    return [];
  }
  if (cells === 'open' && !isFull) return lines;
  if (lines.length > 1) return dropFirst(lines, dialect, rows, broken);
  broken.push({ line: first.line, raw, reason: 'bad-quoting', detail: 'text after a closing quote' });
  return [];
}

/** Reports the first open line as broken and parses the others again. Returns the lines still open. */
function dropFirst(lines: NumberedLine[], dialect: Dialect, rows: TableRow[], broken: BrokenLine[]): NumberedLine[] {
  const [first, ...others] = lines;
  if (first === undefined) return [];
  broken.push({ line: first.line, raw: first.text, reason: 'quote-not-closed', detail: 'unclosed quote' });
  let open: NumberedLine[] = [];
  for (const entry of others) {
    if (open.length === 0 && entry.text === '') continue;
    open.push(entry);
    open = parseOpen(open, dialect, rows, broken);
  }
  return open;
}

/**
 * Splits one RFC 4180 record into cells. A quote inside an unquoted cell (`7" SINGLE`) is an ordinary character. Returns
 * `'open'` when the text ends inside quotes, and `'bad'` when text follows a closing quote.
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

/** Returns the delimiter of a CSV header: the most frequent of `,` `;` tab `|` outside quotes. */
export function guessDelimiter(header: string): string {
  const bare = header.replaceAll(/"[^"]*"/g, '');
  const count = (delimiter: string) => bare.split(delimiter).length - 1;
  return [',', ';', '\t', '|'].reduce((best, next) => (count(next) > count(best) ? next : best));
}
