// Writes src/<api>/<api>-api.ts from openapi/<api>.json for each API, as a part of `npm run openapi`. With --check, it only
// compares and exits with 1 if a file is outdated.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import { format, resolveConfig } from 'prettier';

/** The types need no examples, and no failed responses: a typed client throws for those. */
const omittedKeys = new Set(['example', '4XX', '5XX']);
/** The methods that a path does not have, and the parameters that it does not add to those of its operations. */
const absentMembers = /^ +readonly (?:\w+\?: never|parameters: \{(?:\s+readonly \w+\?: never;)+\s+\});\n/gm;

for (const api of ['serving', 'trainer', 'sink']) {
  const file = fileURLToPath(new URL(`../src/${api}/${api}-api.ts`, import.meta.url));
  const header = `/** Generated from openapi/${api}.json by \`npm run openapi\`. Do not edit. */\n\n`;

  const json = await readFile(new URL(`../openapi/${api}.json`, import.meta.url), 'utf8');
  const document = JSON.parse(json, (key, value) => (omittedKeys.has(key) ? undefined : value));
  const nodes = await openapiTS(document, {
    immutable: true,
    // A request may omit a field with a default.
    defaultNonNullable: false,
    rootTypes: true,
    rootTypesNoSchemaPrefix: true,
    rootTypesKeepCasing: true,
  });
  const [paths = '', ...others] = astToString(nodes).split(/(?=^export )/m);
  const code = [header, paths.replaceAll(absentMembers, ''), ...others].join('');
  const text = await format(code, { ...(await resolveConfig(file)), filepath: file });

  if (!process.argv.includes('--check')) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  } else if ((await readFile(file, 'utf8')) !== text) {
    console.error(`src/${api}/${api}-api.ts is outdated. Run \`npm run openapi\``);
    process.exitCode = 1;
  }
}
