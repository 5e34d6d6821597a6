import { createItemScorer, facetModel } from '@facet/model';
import { buildFaissIndex, mergeByMax, rescoreLists, retrieveLists, selectItems } from '@facet/retrieval';
import { isAvailable, worldItemId } from './world-parts.ts';
import { depth, requestBodies } from './world.ts';
import type { World } from './world.ts';

/**
 * Returns the mean share of the best allowed items, by their exact scores, that serving returned to the first users of the world.
 *
 * @throws Error for a response with too few items, a duplicate or an item that is not allowed.
 */
export async function measureResponseRecall(
  { dim, itemCount, interests, users, vectors }: World,
  to: { readonly url: string; readonly key: string },
  userCount: number,
): Promise<number> {
  const exact = await buildFaissIndex(vectors.subarray(dim), dim, { kind: 'flat' });
  const perUser = interests.length / users.length;
  const allowed = selectItems(itemCount, isAvailable);
  let found = 0;
  let wanted = 0;
  for (const [user, body] of requestBodies({ users }, depth).slice(0, userCount).entries()) {
    const exclude = new Set(users[user]);
    const own = { count: perUser / dim, vectors: interests.subarray(user * perUser, (user + 1) * perUser) };
    const { lists } = await retrieveLists({
      index: exact,
      interests: own.vectors,
      active: own.count,
      limit: 4 * depth,
      exclude,
      allowed,
    });
    const scoreItem = createItemScorer(own, vectors, { dim, sharpness: facetModel.scoreSharpness });
    const expected = mergeByMax(rescoreLists(lists, depth, scoreItem), depth);
    const { items } = JSON.parse(await recommend(to, body)) as { items: { itemId: string }[] };
    const ids = items.map(({ itemId }) => itemId);
    checkAllowed(ids, exclude, user);
    found += expected.filter(({ item }) => ids.includes(worldItemId(item))).length;
    wanted += expected.length;
  }
  exact.close();
  return found / wanted;
}

/** Returns the text of a response. */
export async function recommend(
  { url, key }: { readonly url: string; readonly key: string },
  body: string,
): Promise<string> {
  const response = await fetch(`${url}/v1/recommendations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`serving responded with ${response.status}: ${text}`);
  return text;
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
