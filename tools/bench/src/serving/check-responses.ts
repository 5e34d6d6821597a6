import { createItemScorer, facetModel } from '@facet/model';
import {
  selectItems,
  buildFaissIndex,
  measureIndexRecall,
  mergeByMax,
  openFaissIndex,
  rescoreLists,
  retrieveLists,
} from '@facet/retrieval';
import { isAvailable, worldItemId } from './world-catalog.ts';
import { depth, requestBodies } from './world.ts';
import type { World } from './world.ts';

export interface ResponseCheck {
  /** Recall of the index with the search parameters of the bundle, for the interests of the requesters. */
  readonly indexRecall: number;
  /** Mean share of the best allowed items, by their exact scores, that serving returned. */
  readonly responseRecall: number;
  readonly users: number;
}

/**
 * Compares the index and the HTTP responses of serving with an exact scan.
 *
 * @throws Error for a response with too few items, a duplicate or an item that is not allowed.
 */
export async function checkResponses(
  world: World,
  to: { readonly url: string; readonly key: string },
  userCount: number,
): Promise<ResponseCheck> {
  const { dim, interests, users, vectors } = world;
  const exact = await buildFaissIndex(vectors.subarray(dim), dim, { kind: 'flat' });
  const index = await openFaissIndex(world.indexFile);
  try {
    const perUser = (interests.length / dim / users.length) * dim;
    const { efSearch } = world.choice;
    const sample = interests.subarray(0, userCount * perUser);
    const indexRecall = await measureIndexRecall(
      index,
      exact,
      sample,
      depth,
      efSearch === undefined ? {} : { efSearch },
    );
    const allowed = selectItems(world.itemCount, isAvailable);
    let found = 0;
    let wanted = 0;
    for (const [user, body] of requestBodies(world, depth).slice(0, userCount).entries()) {
      const behaviors = new Set(users[user]);
      const own = { count: perUser / dim, vectors: interests.subarray(user * perUser, (user + 1) * perUser) };
      const { lists } = await retrieveLists({
        index: exact,
        interests: own.vectors,
        active: own.count,
        limit: 4 * depth,
        exclude: behaviors,
        allowed,
      });
      const scoreItem = createItemScorer(own, vectors, { dim, sharpness: facetModel.scoreSharpness });
      const scored = rescoreLists(lists, depth, scoreItem);
      const expected = mergeByMax(scored, depth);
      const returned = await recommend(to, body);
      checkAllowed(returned, behaviors, user);
      const ids = new Set(returned);
      found += expected.filter(({ item }) => ids.has(worldItemId(item))).length;
      wanted += expected.length;
    }
    return { indexRecall, responseRecall: found / wanted, users: userCount };
  } finally {
    exact.close();
    index.close();
  }
}

async function recommend(
  { url, key }: { readonly url: string; readonly key: string },
  body: string,
): Promise<string[]> {
  const response = await fetch(`${url}/v1/recommendations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`serving responded with ${response.status}: ${text}`);
  return (JSON.parse(text) as { items: { itemId: string }[] }).items.map(({ itemId }) => itemId);
}

function checkAllowed(returned: readonly string[], behaviors: ReadonlySet<number>, user: number): void {
  if (returned.length !== depth) throw new Error(`user ${user} got ${returned.length} items instead of ${depth}`);
  if (new Set(returned).size !== depth) throw new Error(`user ${user} got a duplicate item`);
  for (const itemId of returned) {
    const item = Number(itemId.slice(itemId.indexOf('-') + 1));
    if (behaviors.has(item) || !isAvailable(item)) {
      throw new Error(`user ${user} got ${itemId}, which is not allowed`);
    }
  }
}
