#!/usr/bin/env node
// Generates the TypeScript types of the API clients from the OpenAPI documents in libs/client/openapi.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..', '..');
const client = path.join(root, 'libs', 'client');
/** The types need no examples, and no failed responses: a typed client throws for those. */
const omittedKey = /^(?:example|[45](?:XX|\d\d))$/;
/** The methods that a path does not have, and the parameters that it does not add to those of its operations. */
const absentMembers = /^ +readonly (?:\w+\?: never|parameters: \{(?:\s+readonly \w+\?: never;)+\s+\});\n/gm;

/** Writes `src/<api>/<api>-api.ts` of libs/client for each OpenAPI document that has changed since the last call. */
export async function generateApiTypes() {
  const folder = path.join(client, 'openapi');
  if (!existsSync(folder)) return;
  const packageFile = path.join(root, 'node_modules', 'openapi-typescript', 'package.json');
  const generator = [import.meta.filename, packageFile].map((file) => readFileSync(file));
  for (const name of readdirSync(folder)) {
    const api = path.basename(name, '.json');
    const file = path.join(client, 'src', api, `${api}-api.ts`);
    const document = readFileSync(path.join(folder, name), 'utf8');
    const sources = [...generator, document].reduce((hash, text) => hash.update(text), createHash('sha256'));
    const header = `/** Generated from openapi/${name} by \`npm run build\`. Sources: ${sources.digest('hex')} */\n\n`;
    if (existsSync(file) && readFileSync(file, 'utf8').startsWith(header)) continue;
    mkdirSync(path.dirname(file), { recursive: true });
    // A concurrent compiler reads the file before or after the change.
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, header + (await typesOf(document)));
    renameSync(temporary, file);
  }
}

/**
 * @param {string} document
 * @returns {Promise<string>} TypeScript code.
 */
async function typesOf(document) {
  const { default: openapiTS, astToString } = await import('openapi-typescript');
  const nodes = await openapiTS(
    JSON.parse(document, (key, value) => (omittedKey.test(key) ? undefined : value)),
    {
      immutable: true,
      // A request may omit a field with a default.
      defaultNonNullable: false,
      rootTypes: true,
      rootTypesNoSchemaPrefix: true,
      rootTypesKeepCasing: true,
    },
  );
  const [paths = '', ...others] = astToString(nodes).split(/(?=^export )/m);
  return [paths.replaceAll(absentMembers, ''), ...others].join('');
}

if (realpathSync(process.argv[1] ?? '') === import.meta.filename) await generateApiTypes();
