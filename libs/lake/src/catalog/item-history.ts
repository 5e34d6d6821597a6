import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, writeFileAtomically } from '@facet/platform';
import type { Item } from '@facet/schemas';

/** What the catalog was told of an item, and when. */
export interface ItemVersion {
  readonly itemId: string;
  /** Absent when it was removed. */
  readonly item?: Item | undefined;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/** The items as they were at a moment. */
export interface ItemsAsOf {
  /** Ordered by id. */
  readonly items: Item[];
  /** When the newest version was received, of all that there are; 0 when the catalog knows no times. Epoch milliseconds. */
  readonly newestReceivedAt: number;
  /** What was received before this is folded together: moments before it cannot be seen again. Epoch milliseconds. */
  readonly foldedBefore: number;
}

/**
 * The versions of a catalog's items in the order in which they came, one a line, in one file that is only appended to. So a
 * writer that dies leaves at worst a torn last line, which nobody reads and the next writer cuts off; what it writes again
 * after that is there twice, and changes nothing.
 *
 * The first line is a header. An item without `receivedAt` was there before the history was, and counts as always known.
 */
export const historyFile = 'items.history.jsonl';

interface Header {
  readonly format: 1;
  readonly foldedBefore: number;
  /** Of the file when it was folded. */
  readonly bytes: number;
}

interface Line {
  readonly receivedAt?: number;
  readonly item?: Item;
  /** The id of an item that was removed. */
  readonly removed?: string;
}

/** Versions are told apart for so long. */
const keptMs = 90 * 86_400_000;
/** The file is folded when it has grown to twice what it was, and by this. */
const foldAfterBytes = 4 << 20;

/**
 * The items as of what was received before a moment; `undefined` when there is no history.
 *
 * @throws AppError `EVENTS_CATALOG_DAMAGED`
 */
export async function readItemHistory(
  catalogFolder: string,
  receivedBefore = Number.POSITIVE_INFINITY,
): Promise<ItemsAsOf | undefined> {
  const path = join(catalogFolder, historyFile);
  if (!(await exists(path))) return undefined;
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
 * Adds versions to the history. Where there is none yet it begins with `known`, the items that were there before, as JSON.
 * Nothing of it is true until the caller's own file says so: whoever dies in between adds the versions again.
 */
export async function addToItemHistory(
  catalogFolder: string,
  versions: readonly ItemVersion[],
  known: Iterable<string>,
): Promise<void> {
  const path = join(catalogFolder, historyFile);
  if (!(await exists(path))) {
    await writeFileAtomically(path, newHistory(known, versions));
    return;
  }
  await cutTornLine(path);
  const file = await open(path, 'a');
  try {
    for (const piece of inPieces(versions.map(lineOf))) await file.appendFile(piece);
    await file.sync();
  } finally {
    await file.close();
  }
  await foldIfGrown(path);
}

function* newHistory(known: Iterable<string>, versions: readonly ItemVersion[]): Generator<string> {
  yield headerLine({ foldedBefore: 0, bytes: 0 });
  yield* inPieces(
    (function* () {
      for (const item of known) yield `{"item":${item}}\n`;
    })(),
  );
  yield* inPieces(versions.map(lineOf));
}

function lineOf({ itemId, item, receivedAt }: ItemVersion): string {
  return `${JSON.stringify(item === undefined ? { receivedAt, removed: itemId } : { receivedAt, item })}\n`;
}

function headerLine(header: Omit<Header, 'format'>): string {
  return `${JSON.stringify({ format: 1, ...header })}\n`;
}

/** Cuts off what a writer that died has left behind the last whole line. */
async function cutTornLine(path: string): Promise<void> {
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
 * Folds what is old: of an item's versions received more than 90 days before the newest of all, only the last is kept, and
 * none when it says that the item was removed. The file is replaced as a whole.
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
    // Clocks may differ: what came after a version that is kept stays behind it, whatever its time.
    if ((line.receivedAt ?? 0) >= bound || isKept.has(id)) {
      isKept.add(id);
      kept.push(`${JSON.stringify(line)}\n`);
    } else if (line.item === undefined) old.delete(id);
    else old.set(id, `${JSON.stringify(line)}\n`);
  }
  const bytes = [...old.values(), ...kept].reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  const foldedBefore = Math.max(bound, header?.foldedBefore ?? 0);
  await writeFileAtomically(path, [headerLine({ foldedBefore, bytes }), ...inPieces([...old.values(), ...kept])]);
}

const lineFeed = 10;
const linesPerPiece = 10_000;

function* inPieces(lines: Iterable<string>): Generator<string> {
  let piece: string[] = [];
  for (const line of lines) {
    piece.push(line);
    if (piece.length < linesPerPiece) continue;
    yield piece.join('');
    piece = [];
  }
  if (piece.length > 0) yield piece.join('');
}

/** Whole lines only; one at the end that is torn is not read. @throws AppError `EVENTS_CATALOG_DAMAGED` */
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
    throw new AppError(`The item history ${path} is damaged: ${(error as Error).message}.`, {
      code: 'EVENTS_CATALOG_DAMAGED',
      category: 'artifact',
      remedy: 'Delete it: the items of the catalog then count as always known, and their history begins anew.',
      context: { path },
      cause: error,
    });
  }
}

function isHeader(line: Header | Line): line is Header {
  return 'format' in line;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
