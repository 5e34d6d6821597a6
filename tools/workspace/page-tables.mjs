import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './runner.mjs';

/**
 * Writes the tables of a page of docs; with `--check`, fails if the page differs. A line `<!-- NAME -->` of the page stands before each
 * table. Tables have no padding, so that a new figure changes one line.
 *
 * @param {string} page Such as `benchmarks.md`.
 * @param {Readonly<Record<string, () => string>>} tables Each once in the page.
 * @param {string} replaced A regular expression of what follows the line of a table and is replaced, with the flag m.
 * @param {string} command Writes the page.
 */
export function writeTables(page, tables, replaced, command) {
  const file = path.join(root, 'docs', page);
  const unused = new Set(Object.keys(tables));
  const before = readFileSync(file, 'utf8');
  const pattern = new RegExp(`^<!-- ([\\w -]+) -->\\n${replaced}`, 'gm');
  const after = before.replace(pattern, (_, /** @type {string} */ name) => {
    if (!unused.delete(name)) fail(`docs/${page} has the table ${name} twice, or there is no such table.`);
    return `<!-- ${name} -->\n\n${tables[name]?.()}\n`;
  });
  if (unused.size > 0) fail(`docs/${page} has no line <!-- ${[...unused][0]} -->. Add it where the table belongs.`);
  const text = `${after.trimEnd()}\n`;
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (text !== before) fail(`docs/${page} differs from its sources. Run: ${command}`);
}

/** @param {readonly string[]} columns Markdown. @param {readonly (readonly string[])[]} rows */
export function renderTable(columns, rows) {
  return [columns, columns.map(() => '-'), ...rows].map((cells) => `|${cells.join('|')}|\n`).join('');
}

/** @param {string} message @returns {never} */
export function fail(message) {
  console.error(message);
  process.exit(1);
}
