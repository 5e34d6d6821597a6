import { createReadStream, existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isTopicOfUsers } from '@facet/kafka';
import { formatBytes } from '../terminal/text.ts';

export interface ScanOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (share: number, detail: string) => void;
  /** Whether a line or record that names the user counts; all by default. */
  readonly isCounted?: (fields: Readonly<Record<string, unknown>>) => boolean;
  /** Whether lists of texts contain user ids. */
  readonly countsLists?: boolean | undefined;
}

/** A file with the id of a user. */
interface FoundFile {
  readonly path: string;
  readonly count: number;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
}

/** Files without text, and their incomplete copies. */
const binary = /\.(safetensors|parquet|faiss)\b/;
const newline = 0x0a;

/**
 * Counts the lines and records of JSON files that name a user: as the value of a `userId`, also in nested or escaped JSON, or as
 * the key of a record for Kafka that is not an item. Other texts that equal the id do not count. Returns the files with a count.
 * Skips folders and files that do not exist or are deleted meanwhile.
 */
export async function countInFiles(
  folders: readonly string[],
  userId: string,
  { signal, onProgress, isCounted = () => true, countsLists = false }: ScanOptions,
): Promise<FoundFile[]> {
  const files: { readonly path: string; readonly bytes: number; readonly modifiedAt: number }[] = [];
  for (const folder of folders) {
    for (const path of await listTexts(folder)) {
      const status = await stat(path).catch(() => undefined);
      if (status !== undefined) files.push({ path, bytes: status.size, modifiedAt: status.mtimeMs });
    }
  }
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const patterns = patternsOf(userId);
  const found: FoundFile[] = [];
  let done = 0;
  for (const { path, bytes, modifiedAt } of files) {
    signal.throwIfAborted();
    onProgress(done / Math.max(1, total), `${formatBytes(done)} of ${formatBytes(total)}`);
    let count = 0;
    try {
      for await (const line of linesOf(path)) {
        if (!patterns.some((pattern) => line.includes(pattern))) continue;
        if (countsLists && line.toString('utf8', 0, 2) === '["') count++;
        else {
          count += recordsIn(line).filter((record) => namesUser(record, userId) && isCounted(record)).length;
        }
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    if (count > 0) found.push({ path, count, modifiedAt });
    done += bytes;
  }
  return found;
}

/** The forms of the id in JSON, and in JSON within JSON. */
function patternsOf(userId: string): readonly Buffer[] {
  const quoted = JSON.stringify(userId);
  return [quoted, JSON.stringify(quoted).slice(1, -1)].map((text) => Buffer.from(text));
}

/** Returns the records of a line: those of a request in the spool, or the line itself. */
function recordsIn(line: Buffer): readonly Readonly<Record<string, unknown>>[] {
  // A line of the spool begins with a checksum and the number of records.
  const text = line.toString('utf8').replace(/^[0-9a-f]{8} \d{8} /, '');
  try {
    const value: unknown = JSON.parse(text);
    const records = (Array.isArray(value) ? value : [value]) as readonly Readonly<Record<string, unknown>>[];
    return records.filter((record) => typeof record === 'object' && record !== null);
  } catch {
    // A line of an indented document.
    return [{ text }];
  }
}

/** Whether a record is about the user: an event, a record for Kafka, or a document with the id of a user inside. */
function namesUser({ topic, key, ...record }: Readonly<Record<string, unknown>>, userId: string): boolean {
  // The key of an item may equal the id of a user.
  if (key === userId && isTopicOfUsers(String(topic))) return true;
  const quoted = JSON.stringify(userId);
  const text = typeof record['text'] === 'string' ? record['text'] : JSON.stringify(record);
  const escaped = JSON.stringify(`"userId":${quoted}`).slice(1, -1);
  return [`"userId":${quoted}`, `"userId": ${quoted}`, escaped].some((form) => text.includes(form));
}

async function listTexts(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    // A folder inside was deleted while it was listed.
    return existsSync(folder) ? undefined : [];
  });
  if (entries === undefined) return listTexts(folder);
  return entries
    .filter((entry) => entry.isFile() && !binary.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Yields the lines of a file, and its last line without a line end. */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const block = Buffer.concat([rest, chunk as Buffer]);
    let start = 0;
    for (let end = block.indexOf(newline); end !== -1; end = block.indexOf(newline, start)) {
      yield block.subarray(start, end);
      start = end + 1;
    }
    rest = block.subarray(start);
  }
  if (rest.length > 0) yield rest;
}
