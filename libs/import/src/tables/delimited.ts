import type { LineBlock } from './lines.ts';
import type { TableChunk } from './table.ts';

/**
 * How lines are split into cells. `csv` quoting follows RFC 4180. `tsv` quoting unwraps cells that are quoted as a whole,
 * without tabs or line ends inside. `none` keeps every character.
 */
export interface Dialect {
  readonly delimiter: string;
  readonly quoting: 'csv' | 'tsv' | 'none';
}

/** A chunk while it is read. */
type OpenChunk = { readonly [Part in keyof TableChunk]: TableChunk[Part][number][] };
const emptyChunk = (): OpenChunk => ({ rows: [], broken: [] });

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
export async function* readDelimited(blocks: AsyncIterable<LineBlock>, dialect: Dialect): AsyncGenerator<TableChunk> {
  /** Lines of a record with an open quote. */
  let open: NumberedLine[] = [];
  for await (const block of blocks) {
    const chunk = emptyChunk();
    for (let index = 0; index < block.lines.length; index++) {
      const line = block.firstLine + index;
      const text = block.lines[index] as string;
      const fault = block.faults.get(index);
      if (fault !== undefined) {
        while (open.length > 0) open = dropFirst(open, dialect, chunk);
        chunk.broken.push({ line, reason: fault });
      } else if (open.length > 0) open = continueRecord(open, { line, text }, dialect, chunk);
      else if (text !== '') {
        if (dialect.quoting === 'none' || !text.includes('"')) {
          chunk.rows.push({ line, raw: text, cells: text.split(dialect.delimiter) });
        } else if (dialect.quoting === 'tsv') {
          chunk.rows.push({ line, raw: text, cells: text.split(dialect.delimiter).map(unwrap) });
        } else if (startRecord({ line, text }, dialect, chunk) === 'open') open = [{ line, text }];
      }
    }
    if (chunk.rows.length > 0 || chunk.broken.length > 0) yield chunk;
  }
  const chunk = emptyChunk();
  while (open.length > 0) open = dropFirst(open, dialect, chunk);
  if (chunk.rows.length > 0 || chunk.broken.length > 0) yield chunk;
}

/** Parses a line as a record, or returns `'open'` when a quote is still open. */
function startRecord({ line, text }: NumberedLine, dialect: Dialect, chunk: OpenChunk): string[] | 'open' | 'bad' {
  const cells = splitQuoted(text, dialect.delimiter);
  if (cells === 'bad') {
    chunk.broken.push({ line, raw: text, reason: 'bad-quoting' });
  } else if (cells !== 'open' && text !== '') chunk.rows.push({ line, raw: text, cells });
  return cells;
}

/** Adds a line to a record with an open quote. Returns the lines that are still open. */
function continueRecord(open: NumberedLine[], entry: NumberedLine, dialect: Dialect, chunk: OpenChunk): NumberedLine[] {
  // The line alone decides whether the quote closes: a quote before the line puts its text inside the open cell.
  const end = splitQuoted(`"${entry.text}`, dialect.delimiter);
  if (end === 'open') {
    open.push(entry);
    return open.length < recordLinesMax ? open : dropFirst(open, dialect, chunk);
  }
  if (end !== 'bad') {
    const raw = [...open, entry].map((line) => line.text).join('\n');
    const cells = splitQuoted(raw, dialect.delimiter) as string[];
    chunk.rows.push({ line: (open[0] as NumberedLine).line, raw, cells });
    return [];
  }
  while (open.length > 0) open = dropFirst(open, dialect, chunk);
  return startRecord(entry, dialect, chunk) === 'open' ? [entry] : [];
}

/**
 * Reports the first open line as broken and parses the others again. Returns the lines still open. A quote that one of the others
 * opens is open at the end, as the first quote was, so each line is parsed again only once.
 */
function dropFirst(lines: NumberedLine[], dialect: Dialect, chunk: OpenChunk): NumberedLine[] {
  const [first, ...others] = lines as [NumberedLine, ...NumberedLine[]];
  chunk.broken.push({ line: first.line, raw: first.text, reason: 'quote-not-closed' });
  const next = others.findIndex((entry) => startRecord(entry, dialect, chunk) === 'open');
  return next === -1 ? [] : others.slice(next);
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
