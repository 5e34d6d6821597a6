// Writes src/serving/serving-api.ts from the OpenAPI document, as a part of `npm run openapi`. With --check, it only compares
// and exits with 1 if the file is outdated.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import { format, resolveConfig } from 'prettier';

const file = fileURLToPath(new URL('../src/serving/serving-api.ts', import.meta.url));
const header = '/** Generated from openapi/serving.json by `npm run openapi`. Do not edit. */\n\n';

const nodes = await openapiTS(new URL('../openapi/serving.json', import.meta.url), {
  immutable: true,
  // A request may omit a field with a default.
  defaultNonNullable: false,
  rootTypes: true,
  rootTypesNoSchemaPrefix: true,
  rootTypesKeepCasing: true,
});
const text = await format(header + astToString(nodes), { ...(await resolveConfig(file)), filepath: file });

if (!process.argv.includes('--check')) await writeFile(file, text);
else if ((await readFile(file, 'utf8')) !== text) {
  console.error('src/serving/serving-api.ts is outdated. Run `npm run openapi`');
  process.exitCode = 1;
}
