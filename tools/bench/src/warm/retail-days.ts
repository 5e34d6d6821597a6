import { createReadStream, existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { importFiles } from '@facet/import';
import { option } from '@facet/local-services';
import type { HomePaths } from '@facet/config';

/** Names of the files of Online Retail II. */
export const retailFiles = { events: 'interactions.tsv.gz', items: 'items.tsv' } as const;

const names = Object.values(retailFiles).join(' and ');

/** The option of the folder of Online Retail II. */
export const retailOption = option.text('DIR', `Folder with ${names}`, '../shared/data/online-retail-2');

/** Returns why the data of a folder cannot be used, or undefined. */
export function findMissingRetailData(folder: string): string | undefined {
  const isComplete = Object.values(retailFiles).every((file) => existsSync(join(folder, file)));
  return isComplete ? undefined : `Skipped: ${folder} does not contain ${names}. Pass the folder with --data.`;
}

export interface RetailDays {
  /** Imports the remaining events before `before` (epoch milliseconds). */
  importUpTo(before: number): Promise<void>;
}

/** Opens Online Retail II for an import by day into one data home. */
export async function openRetailDays(folder: string, home: HomePaths, scratch: string): Promise<RetailDays> {
  const [header, ...lines] = await readLines(join(folder, retailFiles.events));
  const timeColumn = header!.split('\t').indexOf('datetime');
  const timed = lines.map((line) => ({
    line,
    time: Date.parse(`${line.split('\t')[timeColumn]!.replace(' ', 'T')}Z`),
  }));
  let imported = Number.NEGATIVE_INFINITY;
  let files = 0;
  return {
    async importUpTo(before) {
      const newer = timed.filter(({ time }) => time >= imported && time < before).map(({ line }) => line);
      imported = before;
      const path = join(scratch, `days-${files++}.tsv`);
      await writeFile(path, `${[header, ...newer].join('\n')}\n`);
      await importFiles({ events: [path], items: [join(folder, retailFiles.items)] }, { home });
    },
  };
}

async function readLines(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) {
    if (line !== '') lines.push(line);
  }
  return lines;
}
