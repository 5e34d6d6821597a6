import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { readItems } from '@facet/lake';
import { until } from '@facet/local-services';
import { parseItem } from '@facet/schemas';
import { people } from '../refresh/shop-home.ts';
import type { Installation } from './installation.ts';
import { send } from '../send.ts';

/** The last acknowledged version of each changed item, in its wire form. */
export type ChangedItems = ReadonlyMap<string, { readonly itemId: string; readonly available?: boolean }>;

const intervalMs = 1_000;
const retryMs = 200;
/** A batch of recommendations has at most 100,000 items. */
const listLimit = 400;
const rankItemsMax = 1_000;

/** Adds, changes and withdraws an item once a second, until the returned function is called. */
export function changeCatalog(ingestUrl: string, key: string): () => Promise<ChangedItems> {
  const acknowledged = new Map<string, { readonly itemId: string }>();
  let isOver = false;
  const newItem = (number: number, version: number) => ({
    itemId: `new-${number}`,
    title: `tea number ${number}, version ${version}`,
    attributes: { kind: 'tea', shelf: `shelf${number % 40}` },
  });
  const run = async (): Promise<void> => {
    for (let number = 0; !isOver; number++) {
      const withdrawn = { itemId: `item-${number}`, available: false };
      const items = [newItem(number, 1), ...(number === 0 ? [] : [newItem(number - 1, 2)]), withdrawn];
      while ((await send(`${ingestUrl}/v1/items`, { method: 'PUT', body: items, key }))?.status !== 202) {
        await sleep(retryMs);
      }
      for (const item of items) acknowledged.set(item.itemId, item);
      await sleep(intervalMs);
    }
  };
  const running = run();
  return async () => {
    isOver = true;
    await running;
    return acknowledged;
  };
}

/** Returns the items that differ from their last acknowledged versions. */
export async function findOutdatedItems(catalogFolder: string, changed: ChangedItems): Promise<string[]> {
  const stored = new Map((await readItems(catalogFolder)).map((item) => [item.itemId, item]));
  return [...changed.values()].filter((item) => !isEqual(item, stored.get(item.itemId))).map(({ itemId }) => itemId);
}

function isEqual(sent: object, stored: object | undefined): boolean {
  const parsed = parseItem(sent);
  return parsed.ok && isDeepStrictEqual(JSON.parse(JSON.stringify(parsed.item)), stored);
}

/**
 * Waits until all serving processes know the new items and recommend none of the withdrawn ones.
 *
 * @throws Error that names the first process that does not.
 */
export async function untilOffered({ servings }: Installation, changed: ChangedItems): Promise<void> {
  const ids = (isWithdrawn: boolean): string[] =>
    [...changed.values()].filter(({ available = true }) => available !== isWithdrawn).map(({ itemId }) => itemId);
  const withdrawn = new Set(ids(true));
  const itemIds = ids(false).slice(-rankItemsMax);
  const users = Array.from({ length: people }, (_, person) => ({ userId: `user-${person}` }));
  for (const { name, url } of servings) {
    await until(`${name} with the changes of the catalog`, async () => {
      const ranked = await send(`${url}/v1/rank`, { body: { itemIds } });
      if (ranked?.status !== 200 || (JSON.parse(ranked.text) as Ranked).unknownItems > 0) return undefined;
      const lists = await send(`${url}/v1/recommendations:batch`, { body: { users, limit: listLimit } });
      if (lists?.status !== 200) return undefined;
      const { responses } = JSON.parse(lists.text) as { readonly responses: readonly Ranked[] };
      return responses.every(({ items }) => items.every(({ itemId }) => !withdrawn.has(itemId))) ? true : undefined;
    });
  }
}

interface Ranked {
  readonly items: readonly { readonly itemId: string }[];
  readonly unknownItems: number;
}
