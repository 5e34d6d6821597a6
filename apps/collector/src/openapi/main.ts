import { writeFile } from 'node:fs/promises';
import { describeApi } from './describe-api.ts';

/** Writes the OpenAPI document to the file given as an argument. Part of `npm run openapi`. */
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Give the output file as an argument.');
await writeFile(file, `${JSON.stringify(await describeApi(), null, 2)}\n`);
