import { isUtf8 } from 'node:buffer';
import { refuse } from '@facet/schemas';
import { compileValidator } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { ingestProblems } from '../ingest-problems.ts';
import type { BatchEntry } from './batch-entry.ts';

export interface BatchBodyOptions {
  /** More entries are refused as a whole. */
  readonly entriesMax: number;
  /** The field of an object that holds the list, such as `events` in `{ "events": […] }`. */
  readonly listField: string;
  /** Takes `text/plain` as JSON or lines of it: the one type that `navigator.sendBeacon` sends without a preflight. */
  readonly acceptText: boolean;
}

/** A body that was read. */
export interface BatchBody {
  readonly entries: readonly BatchEntry[];
}

type ParseJson = (text: string) => unknown;

const newline = 0x0a;
/** The bytes of all that JSON ignores are no larger. */
const space = 0x20;

/**
 * Makes all routes of `scope` read bodies as batches: JSON (one record, a list, or an object with the list) and NDJSON,
 * where a broken line is refused for itself. Fields that would change prototypes are dropped, as any app does.
 */
export function addBatchBodies(scope: HttpApp, options: BatchBodyOptions): void {
  const parseJson = createJsonParser(scope);
  const readers: Readonly<Record<string, (body: Buffer) => BatchEntry[]>> = {
    'application/json': (body) => readJson(body, parseJson, options),
    'application/x-ndjson': (body) => readLines(body, parseJson, options),
    ...(options.acceptText ? { 'text/plain': (body: Buffer) => readText(body, parseJson, options) } : {}),
  };
  // The schema of a body is there to be read by people: each record is accepted or refused for itself.
  scope.setValidatorCompiler((part) => (part.httpPart === 'body' ? () => true : compileValidator(part)));
  scope.removeContentTypeParser(['application/json']);
  for (const [type, read] of Object.entries(readers)) {
    scope.addContentTypeParser(type, { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => {
      const entries = read(body);
      if (entries.length === 0) throw ingestProblems.error('REQUEST_INVALID', 'The request has no records.');
      return { entries } satisfies BatchBody;
    });
  }
  scope.addHook('onRequest', async ({ headers }) => {
    const encoding = headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') return;
    throw ingestProblems.error('BODY_ENCODING_UNSUPPORTED', `Bodies in ${encoding} are not read.`);
  });
}

/** The parser that Fastify gives JSON bodies, for any text. */
function createJsonParser(scope: HttpApp): ParseJson {
  // Declared as of either style of parsers; it is one that calls back, at once, and does not look at the request.
  const parse = scope.getDefaultJsonParser('remove', 'remove') as unknown as (
    request: undefined,
    text: string,
    done: (error: Error | null, value?: unknown) => void,
  ) => void;
  return (text) => {
    let failure: Error | null = null;
    let parsed: unknown;
    parse(undefined, text, (error, value) => {
      failure = error;
      parsed = value;
    });
    if (failure !== null) throw failure as Error;
    return parsed;
  };
}

/** @throws what Fastify throws for a body that is not JSON; AppError `BODY_NOT_JSON`, `REQUEST_INVALID`, `TOO_MANY_RECORDS`. */
function readJson(body: Buffer, parseJson: ParseJson, options: BatchBodyOptions): BatchEntry[] {
  if (!isUtf8(body)) throw ingestProblems.error('BODY_NOT_JSON', 'The body is not in UTF-8.');
  const values = listOf(parseJson(body.toString('utf8')), options);
  refuseTooMany(values.length, options);
  return values.map((value) => ({ ok: true, value }));
}

function listOf(body: unknown, { listField }: BatchBodyOptions): readonly unknown[] {
  if (Array.isArray(body)) return body;
  if (typeof body !== 'object' || body === null) {
    throw ingestProblems.error(
      'REQUEST_INVALID',
      `The body must be a JSON object, a list of them, or {"${listField}": […]}.`,
    );
  }
  const list = (body as Readonly<Record<string, unknown>>)[listField];
  return Array.isArray(list) ? list : [body];
}

/** @throws AppError `TOO_MANY_RECORDS`. */
function readLines(body: Buffer, parseJson: ParseJson, options: BatchBodyOptions): BatchEntry[] {
  const entries: BatchEntry[] = [];
  for (const line of linesOf(body)) {
    entries.push(readLine(line, parseJson));
    refuseTooMany(entries.length, options);
  }
  return entries;
}

/** Those that hold anything but spaces. */
function* linesOf(body: Buffer): Generator<Buffer> {
  for (let start = 0; start < body.length;) {
    const found = body.indexOf(newline, start);
    const end = found === -1 ? body.length : found;
    const line = body.subarray(start, end);
    if (line.some((byte) => byte > space)) yield line;
    start = end + 1;
  }
}

function readLine(line: Buffer, parseJson: ParseJson): BatchEntry {
  if (!isUtf8(line)) return refuse('', 'not-unicode');
  try {
    return { ok: true, value: parseJson(line.toString('utf8')) };
  } catch {
    return refuse('', 'not-json');
  }
}

/** One JSON text over however many lines, else a JSON text a line. */
function readText(body: Buffer, parseJson: ParseJson, options: BatchBodyOptions): BatchEntry[] {
  const lines = linesOf(body);
  const first = lines.next();
  const isSeveralLines = first.done !== true && lines.next().done !== true;
  const isTextALine = isSeveralLines && readLine(first.value, parseJson).ok;
  return isTextALine ? readLines(body, parseJson, options) : readJson(body, parseJson, options);
}

function refuseTooMany(count: number, { entriesMax }: BatchBodyOptions): void {
  if (count <= entriesMax) return;
  throw ingestProblems.error('TOO_MANY_RECORDS', `A request may have ${entriesMax} records.`);
}
