#!/usr/bin/env node
// Writes the tables of docs/benchmarks.md from docs/benchmarks/*.json; with --check, compares them. Fails if a file names no command,
// or a command that does not exist.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { findMissingCommands, hasCommand } from './known-commands.mjs';
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
  const table = JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8'));
  const { title, command, machine, date, commit, columns, rows, note, sources = {} } = table;
  const commands = [command, ...Object.values(sources), ...(columns[0] === 'command' ? rows.flat() : [])].join('\n');
  const missing = findMissingCommands(commands);
  if (!hasCommand(commands)) fail(`${name}.json names no command. Add the command that measures its figures.`);
  if (missing.length > 0) {
    fail(`${name}.json names ${missing.join(', ')}, which does not exist. Remove its figures or measure them again.`);
  }
  const wrong = rows.find((row) => row.length !== columns.length);
  if (wrong) fail(`A row of ${name}.json has ${wrong.length} cells instead of ${columns.length}: ${wrong.join(', ')}`);
  const commits = commit?.split(', ').map((each) => `\`${each}\``);
  const source = [machine, date, ...(commits ?? []), `[command](benchmarks/${name}.json)`].filter(Boolean).join(', ');
  return `**${title}.** ${note ? `${note} ` : ''}(${source})\n\n${renderTable(columns, rows)}`;
}
