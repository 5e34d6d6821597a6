// Writes src/<api>/<api>-api.ts from openapi/<api>.json for each API, as a part of `npm run openapi`. With --check, it only
// compares and exits with 1 if a file is outdated.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import { format, resolveConfig } from 'prettier';

for (const api of ['serving', 'trainer', 'sink']) {
  const file = fileURLToPath(new URL(`../src/${api}/${api}-api.ts`, import.meta.url));
  const header = `/** Generated from openapi/${api}.json by \`npm run openapi\`. Do not edit. */\n\n`;

  const nodes = await openapiTS(new URL(`../openapi/${api}.json`, import.meta.url), {
    immutable: true,
    // A request may omit a field with a default.
    defaultNonNullable: false,
    rootTypes: true,
    rootTypesNoSchemaPrefix: true,
    rootTypesKeepCasing: true,
  });
  const text = await format(header + astToString(nodes), { ...(await resolveConfig(file)), filepath: file });

  if (!process.argv.includes('--check')) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  } else if ((await readFile(file, 'utf8')) !== text) {
    console.error(`src/${api}/${api}-api.ts is outdated. Run \`npm run openapi\``);
    process.exitCode = 1;
  }
}
