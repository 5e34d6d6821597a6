import { once } from 'node:events';
import { takeFolderLock } from '../src/index.ts';

/** Once told to, takes the locks of all folders that it can have, says which, and keeps them until its input ends. */
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const held: string[] = [];
for (const folder of process.argv.slice(2)) if ('release' in (await takeFolderLock(folder))) held.push(folder);
process.stdout.write(`${JSON.stringify(held)}\n`);
await once(process.stdin, 'end');
