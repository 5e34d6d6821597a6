#!/usr/bin/env node
// Writes the tables of docs/benchmarks.md from docs/benchmarks/*.json; with --check, compares them. A line `<!-- NAME -->` of the page stands before the table
// of NAME.json. The script replaces everything from there to the next such line or heading. Tables have no padding, so that a new figure changes one line.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Table
 * @property {string} title
 * @property {string} command
 * @property {string} [machine] Absent, like date and commit, if the rows name it.
 * @property {string} [date] Several are separated by commas.
 * @property {string} [commit] Several are separated by commas.
 * @property {string[]} columns Markdown, as rows and note.
 * @property {string[][]} rows
 * @property {string} [note] One paragraph that the page shows.
 * @property {Record<string, string>} [sources] Command, machine, date and commit of the rows with this number in parentheses.
 * @property {string[]} [details] Further figures, which the page does not show.
 */

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
const page = path.join(docs, 'benchmarks.md');
const marker = /^<!-- ([a-z0-9-]+) -->\n[^]*?(?=^(?:<!-- |#)|(?![^]))/gm;
const unused = new Set(readdirSync(path.join(docs, 'benchmarks')).map((file) => path.basename(file, '.json')));

const before = readFileSync(page, 'utf8');
const after = before.replace(marker, (_, /** @type {string} */ name) => {
  if (!unused.delete(name)) fail(`benchmarks.md has the table ${name} twice, or ${name}.json is missing.`);
  return `<!-- ${name} -->\n\n${render(name)}\n\n`;
});
if (unused.size > 0) fail(`benchmarks.md has no line <!-- ${[...unused][0]} -->. Add it where the table belongs.`);
const text = `${after.trimEnd()}\n`;
if (!process.argv.includes('--check')) writeFileSync(page, text);
else if (text !== before) fail('docs/benchmarks.md differs from docs/benchmarks/*.json. Run: npm run benchmarks');

/** @param {string} name */
function render(name) {
  /** @type {Table} */
  const { title, machine, date, commit, columns, rows, note } = JSON.parse(
    readFileSync(path.join(docs, 'benchmarks', `${name}.json`), 'utf8'),
  );
  const wrong = rows.find((row) => row.length !== columns.length);
  if (wrong) fail(`A row of ${name}.json has ${wrong.length} cells instead of ${columns.length}: ${wrong.join(', ')}`);
  const commits = commit?.split(', ').map((each) => `\`${each}\``);
  const source = [machine, date, ...(commits ?? []), `[command](benchmarks/${name}.json)`].filter(Boolean).join(', ');
  const line = (/** @type {string[]} */ cells) => `|${cells.join('|')}|`;
  const table = [line(columns), line(columns.map(() => '-')), ...rows.map(line)].join('\n');
  return `**${title}.** ${note ? `${note} ` : ''}(${source})\n\n${table}`;
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}
