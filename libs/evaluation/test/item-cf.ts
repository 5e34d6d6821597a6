import { createItemCf } from '../src/index.ts';
import type { InteractionColumns, ItemCfOptions, Scorer } from '../src/index.ts';

/** Returns an item-based filter that shares its neighbors with no other one. */
export function itemCf(interactions: InteractionColumns, { catalogSize, ...settings }: ItemCfOptions): Scorer {
  return createItemCf(interactions, { catalogSize, neighborsMax: settings.neighbors })(settings).score;
}
