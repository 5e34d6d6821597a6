import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

/** Written at once: few calls, and far below the longest string there can be. */
const chunkCharacters = 1_000_000;

/** Parsed before the event loop gets a turn: for a millisecond or two. */
const readBytes = 128 * 1024;

/** Writes one JSON document a line; no more than a piece of the file is in memory. Nothing is synced or renamed. */
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
 * The documents of a JSON Lines file in order, read piece by piece, as the whole text may be longer than a string can be;
 * empty lines are passed over. Unlike `readline` it ends lines at line feeds only: texts may hold U+2028, which JSON
 * leaves as it is.
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
