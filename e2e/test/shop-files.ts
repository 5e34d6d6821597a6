import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shopEvents, shopItems, toCsv } from './little-shop.ts';

/** A small model: seconds instead of minutes. Ten of sixty items are a question; fifty would be none. */
const config = `
evaluation: { cutoffs: [10] }
model: { embeddingDim: 16, hiddenUnits: [32] }
`;

export const shopFiles = ['--events', 'events.csv', '--items', 'items.csv'] as const;

/** Puts the little shop's files and a quick configuration into a folder. */
export async function writeShop(folder: string): Promise<void> {
  await writeFile(join(folder, 'events.csv'), toCsv(shopEvents()));
  await writeFile(join(folder, 'items.csv'), toCsv(shopItems));
  await writeFile(join(folder, 'facet.yaml'), config);
}
