import { isUtf8 } from 'node:buffer';
import { refuse } from '@facet/schemas';
import type { Refusal } from '@facet/schemas';
import { compileValidator, declaredError, problemError } from '@facet/http';
import type { HttpApp } from '@facet/http';

export interface BatchBodyOptions {
  /** A body with more entries is refused as a whole. */
  readonly entriesMax: number;
  /** The field of an object that contains the list, such as `events` in `{ "events": […] }`. */
  readonly listField: string;
  /** Accepts `text/plain` as JSON or NDJSON: the only type that `navigator.sendBeacon` sends without a preflight. */
  readonly acceptText: boolean;
}

/** A parsed body. */
export interface BatchBody {
  readonly entries: readonly BatchEntry[];
}

/** A parsed but not validated record of a request, or why it could not be parsed. */
export type BatchEntry = { readonly ok: true; readonly value: unknown } | Refusal;

/** The errors of a route that reads batches, with their remedies. */
export const bodyErrors = {
  TOO_MANY_RECORDS: { status: 413, remedy: 'Split the records over several requests.' },
  BODY_TOO_LARGE: { status: 413, remedy: 'Send fewer records per request.' },
  BODY_TYPE_UNSUPPORTED: {
    status: 415,
    remedy: 'Send Content-Type: application/json, or application/x-ndjson for one record per line.',
  },
  BODY_ENCODING_UNSUPPORTED: { status: 415, remedy: 'Send the body without Content-Encoding.' },
};

type ParseJson = (text: string) => unknown;

const newline = 0x0a;
/** No whitespace character of JSON has a larger code. */
const space = 0x20;

/**
 * Makes all routes of `scope` read bodies as batches: JSON (one record, a list, or an object with the list) and NDJSON,
 * where an invalid line does not affect the others. Drops fields that would change prototypes, as every app does.
 */
export function addBatchBodies(scope: HttpApp, options: BatchBodyOptions): void {
  const parseJson = createJsonParser(scope);
  const readers: Readonly<Record<string, (body: Buffer) => BatchEntry[]>> = {
    'application/json': (body) => readJson(body, parseJson, options),
    'application/x-ndjson': (body) => readLines(body, parseJson, options),
    ...(options.acceptText ? { 'text/plain': (body: Buffer) => readText(body, parseJson, options) } : {}),
  };
  // The schema of a body is documentation only: each record is accepted or refused separately.
  scope.setValidatorCompiler((part) => (part.httpPart === 'body' ? () => true : compileValidator(part)));
  scope.removeContentTypeParser(['application/json']);
  for (const [type, read] of Object.entries(readers)) {
    scope.addContentTypeParser(type, { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => {
      const entries = read(body);
      if (entries.length === 0) throw problemError('REQUEST_INVALID', 'The request has no records.');
      return { entries } satisfies BatchBody;
    });
  }
  scope.addHook('onRequest', async ({ headers }) => {
    const encoding = headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') return;
    throw declaredError(bodyErrors, 'BODY_ENCODING_UNSUPPORTED', `Content-Encoding ${encoding} is not supported.`);
  });
}

/** Returns Fastify's parser of JSON bodies as a function of the text. */
function createJsonParser(scope: HttpApp): ParseJson {
  // The declared type allows both styles of parsers. This parser calls back synchronously and ignores the request.
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

/** @throws Fastify's error for invalid JSON; AppError `BODY_NOT_JSON`, `REQUEST_INVALID`, `TOO_MANY_RECORDS`. */
function readJson(body: Buffer, parseJson: ParseJson, options: BatchBodyOptions): BatchEntry[] {
  if (!isUtf8(body)) throw problemError('BODY_NOT_JSON', 'The body is not valid UTF-8.');
  const values = listOf(parseJson(body.toString('utf8')), options);
  refuseTooMany(values.length, options);
  return values.map((value) => ({ ok: true, value }));
}

function listOf(body: unknown, { listField }: BatchBodyOptions): readonly unknown[] {
  if (Array.isArray(body)) return body;
  if (typeof body !== 'object' || body === null) {
    throw problemError('REQUEST_INVALID', `The body must be a JSON object, a list of them, or {"${listField}": […]}.`);
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

/** Yields all lines that are not blank. */
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

/** Reads NDJSON if the body has several lines of which the first is JSON. Otherwise reads one JSON text. */
function readText(body: Buffer, parseJson: ParseJson, options: BatchBodyOptions): BatchEntry[] {
  const lines = linesOf(body);
  const first = lines.next();
  const hasSeveralLines = first.done !== true && lines.next().done !== true;
  const isNdjson = hasSeveralLines && readLine(first.value, parseJson).ok;
  return isNdjson ? readLines(body, parseJson, options) : readJson(body, parseJson, options);
}

function refuseTooMany(count: number, { entriesMax }: BatchBodyOptions): void {
  if (count <= entriesMax) return;
  throw declaredError(bodyErrors, 'TOO_MANY_RECORDS', `A request may contain at most ${entriesMax} records.`);
}
