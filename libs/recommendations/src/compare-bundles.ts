import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { Bundle } from '@facet/bundles';

/** An item of a recommended list. */
interface ListedItem {
  readonly itemId: string;
  readonly title?: string | undefined;
}

/**
 * Compares the items of two lists for the same request.
 *
 * @returns `overlap`: the share of the longer list that is in both lists, 1 for two empty lists. `items`: those of the second list in its
 *   order, then those of the first list alone, with their positions from 1 in both lists; null for a list without the item
 */
export function compareLists(before: readonly ListedItem[], after: readonly ListedItem[]) {
  const ranks = new Map(before.map(({ itemId }, index) => [itemId, index + 1]));
  const known = new Set(after.map(({ itemId }) => itemId));
  const items = [
    ...after.map(({ itemId, title }, index) => ({ itemId, title, was: ranks.get(itemId) ?? null, is: index + 1 })),
    ...before.flatMap(({ itemId, title }, index) =>
      known.has(itemId) ? [] : [{ itemId, title, was: index + 1, is: null }],
    ),
  ];
  const kept = after.filter(({ itemId }) => ranks.has(itemId)).length;
  const longer = Math.max(before.length, after.length);
  return { overlap: longer === 0 ? 1 : kept / longer, items };
}

/** An item that appears in or disappears from the lists of some requests. */
export interface MovedItem extends ListedItem {
  /** The number of these requests, each of another user. */
  readonly users: number;
}

/** The difference between the recommendations of two bundles for the same requests. */
export interface BundleComparison {
  /** The number of compared requests. */
  readonly compared: number;
  /** The mean overlap of the lists; 1 without a compared request. */
  readonly overlap: number;
  /** Items by number of users, most first. */
  readonly gained: readonly MovedItem[];
  readonly lost: readonly MovedItem[];
}

export interface CompareBundlesOptions<Request, Response> {
  /** Responds to a request. A request whose response of the bundle before is undefined is left out. */
  readonly respond: (
    bundle: Bundle,
    request: Request,
    side: 'before' | 'after',
  ) => Promise<Response | undefined> | Response;
  /** Receives both responses to each request and the overlap of their lists. */
  readonly onCompared?: (compared: {
    readonly request: Request;
    readonly before: Response;
    readonly after: Response;
    readonly overlap: number;
  }) => void;
  /** Returns whether to leave out the remaining requests. */
  readonly isOver?: () => boolean;
}

/**
 * Sends the same requests to two bundles, which may be the same with other settings, and compares the lists. Sends one request at a
 * time, and yields to the event loop after each.
 */
export async function compareBundles<Request, Response extends { readonly items: readonly ListedItem[] }>(
  before: Bundle,
  after: Bundle,
  requests: Iterable<Request>,
  { respond, onCompared, isOver = () => false }: CompareBundlesOptions<Request, Response>,
): Promise<BundleComparison> {
  const gained = new Map<string, MovedItem>();
  const lost = new Map<string, MovedItem>();
  let compared = 0;
  let overlaps = 0;
  for (const request of requests) {
    if (isOver()) break;
    await yieldToEventLoop();
    const old = await respond(before, request, 'before');
    const fresh = old && (await respond(after, request, 'after'));
    if (old === undefined || fresh === undefined) continue;
    const { overlap, items } = compareLists(old.items, fresh.items);
    for (const { itemId, title, was, is } of items) {
      if (was !== null && is !== null) continue;
      const moved = was === null ? gained : lost;
      moved.set(itemId, { itemId, title, users: (moved.get(itemId)?.users ?? 0) + 1 });
    }
    compared++;
    overlaps += overlap;
    onCompared?.({ request, before: old, after: fresh, overlap });
  }
  return {
    compared,
    overlap: compared === 0 ? 1 : overlaps / compared,
    gained: mostUsersFirst(gained),
    lost: mostUsersFirst(lost),
  };
}

function mostUsersFirst(moved: ReadonlyMap<string, MovedItem>): MovedItem[] {
  return [...moved.values()].sort((a, b) => b.users - a.users || (a.itemId < b.itemId ? -1 : 1));
}

/**
 * Compares the items of two bundles.
 *
 * @returns `added`: only in the newer bundle; `lost`: available in the older bundle, but missing or unavailable in the newer one
 */
export function compareCatalogs(before: Bundle, after: Bundle): Record<'added' | 'lost', readonly ListedItem[]> {
  const isAvailable = (bundle: Bundle, itemId: string): boolean => {
    const item = bundle.indexOf(itemId);
    return item !== undefined && !bundle.unavailable.has(item);
  };
  return {
    added: itemsWhere(after, (itemId) => before.indexOf(itemId) === undefined),
    lost: itemsWhere(before, (itemId) => isAvailable(before, itemId) && !isAvailable(after, itemId)),
  };
}

function itemsWhere(bundle: Bundle, isWanted: (itemId: string) => boolean): ListedItem[] {
  const items: ListedItem[] = [];
  for (let item = 1; item <= bundle.itemCount; item++) {
    const itemId = bundle.idOf(item);
    if (isWanted(itemId)) items.push({ itemId, title: bundle.titleOf(item) });
  }
  return items;
}
