import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shopEvents, shopItems, toCsv } from './little-shop.ts';

/** A small model of several interests that trains in seconds. A cutoff of 50 would be trivial for 60 items. */
const config = `
evaluation: { cutoffs: [10] }
model: { embeddingDim: 16, hiddenUnits: [32], interests: 2 }
`;

export const shopFiles = ['--events', 'events.csv', '--items', 'items.csv'] as const;

/** Writes the files of the little shop and a fast configuration into a folder. */
export async function writeShop(folder: string): Promise<void> {
  await writeFile(join(folder, 'events.csv'), toCsv(shopEvents()));
  await writeFile(join(folder, 'items.csv'), toCsv(shopItems));
  await writeFile(join(folder, 'facet.yaml'), config);
}
