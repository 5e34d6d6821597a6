import { writeFile } from 'node:fs/promises';
import { describeApi } from './describe-api.ts';

/** Writes the OpenAPI document into the file that is named: a part of `npm run openapi`. */
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Name the file to write.');
await writeFile(file, `${JSON.stringify(await describeApi(), null, 2)}\n`);
