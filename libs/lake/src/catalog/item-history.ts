import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, dayMs, pathExists, writeFileAtomically } from '@facet/platform';
import type { Item } from '@facet/schemas';

/** A state of an item and the time when the catalog received it. */
export interface ItemVersion {
  readonly itemId: string;
  /** Absent when the item was removed. */
  readonly item?: Item | undefined;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/** The items as known at a moment. */
export interface ItemsAsOf {
  /** Ordered by id. */
  readonly items: Item[];
  /** Receipt time of the newest of all versions, in epoch milliseconds. 0 for a catalog without times. */
  readonly newestReceivedAt: number;
  /** Earlier versions are merged, so earlier moments cannot be read. Epoch milliseconds. */
  readonly foldedBefore: number;
}

/**
 * The versions of a catalog's items, one per line in the order of their arrival, in an append-only file. A killed writer
 * leaves at most a torn last line, which readers skip and the next writer truncates. Repeated versions change nothing.
 *
 * The first line is a header. An item without `receivedAt` is older than the history and counts as always known.
 */
const historyFile = 'items.history.jsonl';

interface Header {
  readonly format: 1;
  readonly foldedBefore: number;
  /** Size of the file after the last fold. */
  readonly bytes: number;
}

interface Line {
  readonly receivedAt?: number;
  readonly item?: Item;
  /** The id of a removed item. */
  readonly removed?: string;
}

/** Versions newer than this, relative to the newest, are kept separately. */
const keptMs = 90 * dayMs;
/** The file is folded when it has doubled and grown by at least this much. */
const foldAfterBytes = 4 << 20;

/**
 * Reads the items as known before a moment, or returns `undefined` without a history.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`
 */
export async function readItemHistory(
  catalogFolder: string,
  receivedBefore = Number.POSITIVE_INFINITY,
): Promise<ItemsAsOf | undefined> {
  const path = join(catalogFolder, historyFile);
  if (!(await pathExists(path))) return undefined;
  const items = new Map<string, Item>();
  let newestReceivedAt = 0;
  let foldedBefore = 0;
  for await (const line of readLines(path)) {
    if (isHeader(line)) {
      ({ foldedBefore } = line);
      continue;
    }
    const { receivedAt = 0 } = line;
    newestReceivedAt = Math.max(newestReceivedAt, receivedAt);
    if (receivedAt > 0 && receivedAt >= receivedBefore) continue;
    if (line.item === undefined) items.delete(line.removed!);
    else items.set(line.item.itemId, line.item);
  }
  const sorted = [...items].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
  return { items: sorted, newestReceivedAt, foldedBefore };
}

/**
 * Appends versions to the history. A new history starts with `known`, the current items as JSON. The caller writes its items
 * file afterwards: after a crash in between, it appends the same versions again.
 */
export async function addToItemHistory(
  catalogFolder: string,
  versions: readonly ItemVersion[],
  known: Iterable<string>,
): Promise<void> {
  const path = join(catalogFolder, historyFile);
  if (!(await pathExists(path))) {
    await writeFileAtomically(path, newHistory(known, versions));
    return;
  }
  await truncateTornLine(path);
  const file = await open(path, 'a');
  try {
    for (const piece of joinLines(versions.map(lineOf))) await file.appendFile(piece);
    await file.sync();
  } finally {
    await file.close();
  }
  await foldIfGrown(path);
}

function* newHistory(known: Iterable<string>, versions: readonly ItemVersion[]): Generator<string> {
  yield headerLine({ foldedBefore: 0, bytes: 0 });
  yield* joinLines(
    (function* () {
      for (const item of known) yield `{"item":${item}}\n`;
    })(),
  );
  yield* joinLines(versions.map(lineOf));
}

function lineOf({ itemId, item, receivedAt }: ItemVersion): string {
  return `${JSON.stringify(item === undefined ? { receivedAt, removed: itemId } : { receivedAt, item })}\n`;
}

function headerLine(header: Omit<Header, 'format'>): string {
  return `${JSON.stringify({ format: 1, ...header })}\n`;
}

/** Truncates a torn last line that a killed writer left behind. */
async function truncateTornLine(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const end = await endOfLastLine(file, size);
    if (end < size) await file.truncate(end);
  } finally {
    await file.close();
  }
}

async function endOfLastLine(file: FileHandle, size: number): Promise<number> {
  const piece = Buffer.alloc(64 << 10);
  for (let end = size; end > 0; end -= piece.length) {
    const start = Math.max(0, end - piece.length);
    const { bytesRead } = await file.read(piece, 0, end - start, start);
    const last = piece.subarray(0, bytesRead).lastIndexOf(lineFeed);
    if (last !== -1) return start + last + 1;
  }
  return 0;
}

/**
 * Folds old versions: of an item's versions received more than 90 days before the newest version of all, only the last is
 * kept, and none for a removed item. The file is replaced atomically.
 */
async function foldIfGrown(path: string): Promise<void> {
  const { size } = await stat(path);
  let header: Header | undefined;
  for await (const line of readLines(path)) {
    if (isHeader(line)) header = line;
    break;
  }
  if (size < 2 * (header?.bytes ?? 0) + foldAfterBytes) return;
  let newest = 0;
  for await (const line of readLines(path)) if (!isHeader(line)) newest = Math.max(newest, line.receivedAt ?? 0);
  const bound = newest - keptMs;
  const old = new Map<string, string>();
  const kept: string[] = [];
  const isKept = new Set<string>();
  for await (const line of readLines(path)) {
    if (isHeader(line)) continue;
    const id = line.item?.itemId ?? line.removed!;
    // Clocks may differ, so every version after a kept one is kept, regardless of its time.
    if ((line.receivedAt ?? 0) >= bound || isKept.has(id)) {
      isKept.add(id);
      kept.push(`${JSON.stringify(line)}\n`);
    } else if (line.item === undefined) old.delete(id);
    else old.set(id, `${JSON.stringify(line)}\n`);
  }
  const bytes = [...old.values(), ...kept].reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  const foldedBefore = Math.max(bound, header?.foldedBefore ?? 0);
  await writeFileAtomically(path, [headerLine({ foldedBefore, bytes }), ...joinLines([...old.values(), ...kept])]);
}

const lineFeed = 10;
const linesPerPiece = 10_000;

/** Joins lines into pieces of a size that suits one write. */
export function* joinLines(lines: Iterable<string>): Generator<string> {
  let piece: string[] = [];
  for (const line of lines) {
    piece.push(line);
    if (piece.length < linesPerPiece) continue;
    yield piece.join('');
    piece = [];
  }
  if (piece.length > 0) yield piece.join('');
}

/** Reads complete lines and skips a torn last line. @throws AppError `EVENTS_CATALOG_DAMAGED` */
async function* readLines(path: string): AsyncGenerator<Header | Line> {
  let rest = '';
  for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const lines = (rest + (piece as string)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield parseLine(line, path);
  }
}

function parseLine(text: string, path: string): Header | Line {
  try {
    return JSON.parse(text) as Header | Line;
  } catch (error) {
    throw new AppError(`Cannot parse the item history ${path}: ${(error as Error).message}.`, {
      code: 'EVENTS_CATALOG_DAMAGED',
      category: 'artifact',
      remedy: 'Delete the file. The current items then count as always known, and a new history starts.',
      context: { path },
      cause: error,
    });
  }
}

function isHeader(line: Header | Line): line is Header {
  return 'format' in line;
}
