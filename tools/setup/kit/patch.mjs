import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * Applies a unified diff (`--- a/x`, `+++ b/x`) to the files below `folder`, exactly: no fuzz, no offsets.
 * The sources it is made for are pinned, so anything else means that one of the two has changed.
 *
 * @param {string} folder
 * @param {string} diff
 * @throws {Error} naming the file and line where it does not fit
 */
export async function applyPatch(folder, diff) {
  for (const part of diff.split(/^--- a\//m).slice(1)) {
    const name = part.slice(0, part.indexOf('\n')).split('\t')[0] ?? '';
    const file = path.join(folder, name);
    const patched = patchText(await readFile(file, 'utf8'), part, name);
    await writeFile(file, patched);
  }
}

/**
 * @param {string} text
 * @param {string} diff The part of a unified diff that is about this text.
 * @param {string} name For error messages.
 */
export function patchText(text, diff, name) {
  const source = text.split('\n');
  /** @type {string[]} */
  const result = [];
  let position = 0;
  let endsWithNewline = text.endsWith('\n');
  if (endsWithNewline) source.pop();
  const lines = diff.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const header = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(lines[i] ?? '');
    if (!header) continue;
    let before = Number(header[2] ?? 1);
    let after = Number(header[3] ?? 1);
    const start = before === 0 ? Number(header[1]) : Number(header[1]) - 1;
    result.push(...source.slice(position, start));
    position = start;
    while (before > 0 || after > 0) {
      const line = lines[++i] ?? '';
      const kind = line[0] ?? ' ';
      if (kind === '\\') continue;
      if (kind !== '+') {
        if (source[position] !== line.slice(1)) {
          throw new Error(`the patch does not fit ${name} at line ${position + 1}: it expects "${line.slice(1)}"`);
        }
        position++;
        before--;
      }
      if (kind !== '-') {
        result.push(line.slice(1));
        after--;
        endsWithNewline = !(lines[i + 1] ?? '').startsWith('\\');
      }
    }
  }
  // Past the last hunk the text ends as it did before.
  if (position < source.length) endsWithNewline = text.endsWith('\n');
  result.push(...source.slice(position));
  return result.join('\n') + (endsWithNewline ? '\n' : '');
}
