import { importFiles } from '../src/index.ts';
import { importFolders } from './import-folders.ts';

/** Imports the file argv[3] into the home argv[2] and prints one line per progress report. */
const [homeFolder, events] = process.argv.slice(2) as [string, string];
await importFiles(
  { events: [events] },
  {
    home: importFolders(homeFolder),
    onProgress: ({ stage }) => process.stdout.write(`${stage}\n`),
  },
);
process.stdout.write('done\n');
