#!/usr/bin/env node
// Writes the OpenAPI documents of the APIs, and the types of their clients. Build the workspace first.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..', '..');
const sources = {
  serving: 'apps/serving/dist/openapi/main.js',
  trainer: 'apps/trainer/dist/openapi/main.js',
  sink: 'apps/collector/dist/openapi/main.js',
};
const documentOf = (/** @type {string} */ api) => `libs/client/openapi/${api}.json`;
const documents = Object.keys(sources).map(documentOf);
const commands = [
  ...Object.entries(sources).map(([api, file]) => [file, documentOf(api)]),
  ['node_modules/prettier/bin/prettier.cjs', '--write', '--log-level', 'warn', ...documents],
  ['libs/client/test/generate-api-types.mjs'],
];
for (const args of commands) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
