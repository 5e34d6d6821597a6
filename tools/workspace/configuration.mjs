#!/usr/bin/env node
// Writes the tables of docs/configuration.md from the schema of the settings and the tables of libs/config; with --check, compares them.
// Build the workspace first.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { renderTable, writeTables } from './page-tables.mjs';
import { root } from './runner.mjs';

/**
 * @typedef {object} Schema
 * @property {string} [description]
 * @property {unknown} [default]
 * @property {Record<string, Schema>} [properties]
 * @property {Record<string, Schema>} [patternProperties]
 * @property {Schema} [items]
 */
/** @typedef {Record<'relaxed' | 'normal' | 'strict', number | Record<string, number>>} Thresholds */

const load = (/** @type {string} */ file) => import(pathToFileURL(path.join(root, file)).href);
const { describeConfig } = await load('libs/config/dist/index.js');
const { gateThresholds } = await load('libs/config/dist/gate-settings.js');
const { removedSettings, removedVariables } = await load('libs/config/dist/removed-settings.js');
const { defaultOf, readersOf, variables } = await load('libs/config/dist/variables.js');
const { healthBounds } = await load('libs/lake/dist/health/health-report.js');
const { guardrailBounds } = await load('libs/bundles/dist/src/guardrails.js');

/** @type {Record<string, Schema>} */
const sections = describeConfig().properties;
/** docs/facet.schema.json describes these sections. */
const hyperparameters = new Set(['model', 'training']);
/** @type {Record<string, () => string>} */
const tables = {
  ...Object.fromEntries(
    Object.entries(sections)
      .filter(([name]) => !hyperparameters.has(name))
      .map(([name, schema]) => [name, () => settingsTable(name, schema)]),
  ),
  'dataHealth thresholds': () =>
    thresholdsTable(healthBounds, ([name, { measured }]) => [code(name), String(measured)]),
  'gate thresholds': () =>
    thresholdsTable(gateThresholds, ([, { check, summary }]) => [code(String(check)), String(summary)]),
  'guardrails thresholds': () =>
    thresholdsTable(guardrailBounds, ([name, { summary }]) => [code(name), String(summary)]),
  'removed settings': () => table(['setting', 'instead'], groupRemoved()),
  variables: variablesTable,
  'removed variables': () =>
    table(
      ['variable', 'instead'],
      Object.entries(removedVariables).map(([name, remedy]) => [code(name), String(remedy)]),
    ),
};

writeTables('configuration.md', tables, '\\n?(?:\\|.*\\n)*\\n*', 'npm run config-schema');

/** @param {string} name @param {Schema} schema */
function settingsTable(name, schema) {
  const seen = new Set();
  // Such as the columns of users, which are described like those of items.
  const isNew = (/** @type {[string, Schema]} */ [field, { description }]) => {
    const key = `${field.split('.').at(-1)}: ${description}`;
    return !seen.has(key) && seen.add(key);
  };
  const fields = leavesOf(schema).filter(isNew);
  const rows = fields.map(([field, { default: value, description = '' }]) => [
    code(field || name),
    value === undefined ? '' : code(JSON.stringify(value).replace(/^"(.*)"$/, '$1')),
    briefly(description),
  ]);
  return table(['field', 'default', 'meaning'], rows);
}

/** @param {string} description @returns The first sentence, and the default. docs/facet.schema.json has the rest. */
function briefly(description) {
  const [first = '', ...rest] = description.split(/(?<=\.) (?=[A-Z])/);
  return [first, ...rest.filter((sentence) => sentence.startsWith('Default'))].join(' ');
}

/**
 * Returns the fields without fields, with their paths. The name of an entry of a record is `NAME`.
 *
 * @param {Schema} schema
 * @returns {[string, Schema][]}
 */
function leavesOf({ properties, patternProperties, items, ...schema }, at = '') {
  if (items?.properties && at === '') return leavesOf(items);
  const record = Object.values(patternProperties ?? {})[0];
  const fields = record?.properties ? { NAME: record } : properties;
  // The section serving has the fields of a merge and of explore.
  const isKnown = at.includes('NAME') && /\.(merge|explore)$/.test(at);
  if (isKnown || fields === undefined || Object.keys(fields).length === 0) return [[at, schema]];
  return Object.entries(fields).flatMap(([name, field]) => leavesOf(field, at === '' ? name : `${at}.${name}`));
}

/**
 * @param {Record<string, Thresholds & Record<string, unknown>>} thresholds
 * @param {(entry: [string, Record<string, unknown>]) => string[]} describe
 */
function thresholdsTable(thresholds, describe) {
  const text = (/** @type {Thresholds['normal']} */ value) =>
    typeof value === 'number' ? String(value) : Object.values(value).join(', ');
  const rows = Object.entries(thresholds).map(([name, entry]) => [
    ...describe([name, entry]),
    ...[entry.relaxed, entry.normal, entry.strict].map(text),
  ]);
  return table(['check', 'value', 'relaxed', 'normal', 'strict'], rows);
}

/** Returns one row for the variables with the same meaning, such as those of the connections to Kafka and Redis. */
function variablesTable() {
  const names = Object.keys(variables).filter(
    (name) => !readersOf(name).includes('development') || name === 'FACET_CACHE_DIR',
  );
  const meanings = new Set(names.map((name) => variables[name].summary));
  const rows = [...meanings].map((summary) => {
    const group = names.filter((name) => variables[name].summary === summary);
    const readers = [...new Set(group.flatMap((name) => readersOf(name)))];
    const without = ['console', 'cli'].filter((reader) => !readers.includes(reader)).join(', ');
    const many = without === '' ? 'all' : `all but ${without}`;
    const value = defaultOf(group[0], readers);
    return [
      group.map(code).join(', '),
      readers.length >= 6 ? many : readers.join(', '),
      value === '' ? '' : code(value),
      summary,
    ];
  });
  return table(['variable', 'read by', 'default', 'meaning'], rows);
}

/** Returns one row for the settings with the same remedy. */
function groupRemoved() {
  /** @type {Map<string, string[]>} */
  const names = new Map();
  for (const [name, remedy] of Object.entries(removedSettings)) names.set(remedy, [...(names.get(remedy) ?? []), name]);
  return [...names].map(([remedy, group]) => [group.map(code).join(', '), remedy]);
}

/** @param {string[]} columns @param {string[][]} rows */
function table(columns, rows) {
  return renderTable(
    columns,
    rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|'))),
  );
}

/** @param {string} text */
function code(text) {
  return `\`${text}\``;
}
