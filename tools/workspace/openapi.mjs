#!/usr/bin/env node
// Writes the OpenAPI documents of the APIs, and the types of their clients. Build the workspace first.
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './runner.mjs';

const appOf = { serving: 'serving', trainer: 'trainer', sink: 'collector' };
const documentOf = (/** @type {string} */ api) => `libs/client/openapi/${api}.json`;
for (const [api, app] of Object.entries(appOf)) {
  const source = path.join(root, 'apps', app, 'dist/openapi/describe-api.js');
  const { describeApi } = await import(pathToFileURL(source).href);
  const document = await describeApi();
  // Fastify registers plugins concurrently, so the order of the paths differs from run to run.
  const paths = Object.fromEntries(Object.entries(document.paths).sort(([a], [b]) => (a < b ? -1 : 1)));
  await writeFile(path.join(root, documentOf(api)), `${JSON.stringify({ ...document, paths }, null, 2)}\n`);
}
const documents = Object.keys(appOf).map(documentOf);
for (const args of [
  ['node_modules/prettier/bin/prettier.cjs', '--write', '--log-level', 'warn', ...documents],
  ['tools/setup/api-types.mjs'],
]) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
