import { once } from 'node:events';
import { takeFolderLock } from '../src/index.ts';

/** After the first input, takes the free locks of the given folders, prints those folders and keeps the locks until the input ends. */
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const held: string[] = [];
for (const folder of process.argv.slice(2)) if ('release' in (await takeFolderLock(folder))) held.push(folder);
process.stdout.write(`${JSON.stringify(held)}\n`);
await once(process.stdin, 'end');
