import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readItems, readLake } from '@facet/lake';
import { temporaryFolder } from '@facet/testing';
import { importFiles } from '../src/import-files.ts';
import { importFolders } from './import-folders.ts';

const sharedData = fileURLToPath(new URL('../../../../shared/data/', import.meta.url));
const retail = `${sharedData}online-retail-2/`;

describe('Online Retail II', () => {
  it.skipIf(!existsSync(retail))(
    `is imported without refusals (skipped: needs ../shared/data/online-retail-2 next to the repository)`,
    async () => {
      const home = importFolders(await temporaryFolder());
      const { report } = await importFiles(
        { events: [`${retail}interactions.tsv.gz`], items: [`${retail}items.tsv`] },
        { home },
      );
      expect(report).toMatchObject({
        events: { rows: 788_247, accepted: 788_247, refused: 0, duplicates: 22_210 },
        refusals: [],
        time: { earliest: Date.UTC(2009, 11, 1, 7, 45), latest: Date.UTC(2011, 11, 9, 12, 50) },
        types: [{ type: 'purchase', count: 788_247 }],
        users: { count: 5853 },
        items: { count: 4619 },
        unknownItems: { ids: 0 },
        suspiciousUsers: [],
      });
      const events = await readLake(home.lakeFolder);
      expect(events).toHaveLength(788_247 - 22_210);
      const items = await readItems(home.catalogFolder);
      expect(items).toHaveLength(4921);
      expect(items.find(({ itemId }) => itemId === '22041')?.title).toBe('RECORD FRAME 7" SINGLE SIZE');
    },
    180_000,
  );
});
