import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { sep } from 'node:path';
import { logFolder } from '../../src/layout.ts';
import { openLakeWriter } from '../../src/write/lake-writer.ts';
import { eventsAt } from './events-at.ts';

/** Commits events of the source argv[3] to the lake argv[2], and kills itself after the data files are written and before the log entry is. */
const [lake, source] = process.argv.slice(2) as [string, string];
const { link } = fs;
fs.link = async (existing, created) => {
  if (String(created).includes(`${sep}${logFolder}${sep}`)) process.kill(process.pid, 'SIGKILL');
  await link(existing, created);
};
syncBuiltinESMExports();

const writer = await openLakeWriter(lake);
const from = writer.committed(source);
writer.add(source, eventsAt(source, from, from + 3), from + 3);
await writer.commit();
