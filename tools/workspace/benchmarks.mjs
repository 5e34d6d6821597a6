#!/usr/bin/env node
// Writes the tables of docs/benchmarks.md from docs/benchmarks/*.json; with --check, compares them.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fail, renderTable, writeTables } from './page-tables.mjs';
import { root } from './runner.mjs';

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

const folder = path.join(root, 'docs', 'benchmarks');
const names = readdirSync(folder).map((file) => path.basename(file, '.json'));
const tables = Object.fromEntries(names.map((name) => [name, () => render(name)]));
// Everything up to the next such line or heading.
writeTables('benchmarks.md', tables, '[^]*?(?=^(?:<!-- |#)|(?![^]))', 'npm run benchmarks');

/** @param {string} name */
function render(name) {
  /** @type {Table} */
  const { title, machine, date, commit, columns, rows, note } = JSON.parse(
    readFileSync(path.join(folder, `${name}.json`), 'utf8'),
  );
  const wrong = rows.find((row) => row.length !== columns.length);
  if (wrong) fail(`A row of ${name}.json has ${wrong.length} cells instead of ${columns.length}: ${wrong.join(', ')}`);
  const commits = commit?.split(', ').map((each) => `\`${each}\``);
  const source = [machine, date, ...(commits ?? []), `[command](benchmarks/${name}.json)`].filter(Boolean).join(', ');
  return `**${title}.** ${note ? `${note} ` : ''}(${source})\n\n${renderTable(columns, rows)}`;
}
