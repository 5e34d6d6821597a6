import type { BundleView } from '@facet/bundles';
import type { AllowedItems } from '@facet/retrieval';
import type { Exclusions } from './exclusions.ts';
import type { Recommendation } from './recommend.ts';

/** A fallback: the items most chosen lately, and why nothing better is known. */
export interface PopularSource {
  readonly kind: 'popular';
  readonly reason: 'no_behaviors' | 'no_known_items' | 'no_interest' | 'unknown_item';
}

export interface PopularRequest {
  readonly limit: number;
  readonly exclusions: Exclusions;
  readonly allowed?: AllowedItems | undefined;
  readonly reason: PopularSource['reason'];
}

/** Where so few pass the filters, these are ordered instead of going through all items for them. */
const fewShare = 1 / 64;

export function popularItems(
  bundle: BundleView,
  { limit, exclusions, allowed, reason }: PopularRequest,
): { readonly source: PopularSource; readonly items: Recommendation[] } {
  const isFew = allowed !== undefined && allowed.count < bundle.itemCount * fewShare;
  const order = isFew ? byPopularity(bundle, allowed.items()) : bundle.itemsByPopularity();
  const items: Recommendation[] = [];
  for (const item of order) {
    if (items.length >= limit) break;
    if (!exclusions.has(item)) items.push({ itemId: bundle.idOf(item), score: bundle.popularityOf(item) });
  }
  return { source: { kind: 'popular', reason }, items };
}

function byPopularity(bundle: BundleView, items: Int32Array): Int32Array {
  return items.sort((a, b) => bundle.popularityOf(b) - bundle.popularityOf(a) || a - b);
}
