import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

/** Batches small writes, and stays far below the maximum length of a string. */
const chunkCharacters = 1_000_000;

/** Parsing this much blocks the event loop for one or two milliseconds. */
const readBytes = 128 * 1024;

/** Writes one JSON document per line, without holding the whole text in memory. Does not sync or rename the file. */
export async function writeJsonLines(path: string, values: Iterable<unknown>): Promise<void> {
  const file = await open(path, 'w');
  try {
    let lines: string[] = [];
    let characters = 0;
    for (const value of values) {
      const line = `${JSON.stringify(value)}\n`;
      lines.push(line);
      characters += line.length;
      if (characters < chunkCharacters) continue;
      await file.appendFile(lines.join(''));
      [lines, characters] = [[], 0];
    }
    await file.appendFile(lines.join(''));
  } finally {
    await file.close();
  }
}

/**
 * Returns the documents of a JSON Lines file in order, ignoring empty lines. The file is read in pieces, because its
 * text may exceed the maximum length of a string. Only line feeds end a line: `readline` also splits at U+2028, which
 * JSON does not escape.
 */
export async function readJsonLines<Value>(path: string): Promise<Value[]> {
  const values: Value[] = [];
  const take = (line: string): void => void (line === '' || values.push(JSON.parse(line) as Value));
  let rest = '';
  for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: readBytes })) {
    const lines = (rest + (piece as string)).split('\n');
    rest = lines.pop()!;
    lines.forEach(take);
  }
  take(rest);
  return values;
}
