import {
  allowItems,
  buildFaissIndex,
  measureIndexRecall,
  mergeByMax,
  openFaissIndex,
  retrieveLists,
} from '@facet/retrieval';
import { isAvailable, worldItemId } from './world-catalog.ts';
import { depth, requestBodies } from './world.ts';
import type { World } from './world.ts';

export interface AnswerCheck {
  /** Of the index as the bundle says to search it, on the interests of those who ask. */
  readonly indexRecall: number;
  /** The mean share of the exact answer that was answered: best of all that is allowed, merged over the interests. */
  readonly answerRecall: number;
  readonly users: number;
}

/**
 * Compares the index, and what was answered over HTTP, with an exact scan.
 *
 * @throws Error for an answer with something that is not allowed, that is there twice, or too little.
 */
export async function checkAnswers(
  world: World,
  to: { readonly url: string; readonly key: string },
  userCount: number,
): Promise<AnswerCheck> {
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
    const allowed = allowItems(world.itemCount, isAvailable);
    let found = 0;
    let wanted = 0;
    for (const [user, body] of requestBodies(world, depth).slice(0, userCount).entries()) {
      const chosen = new Set(users[user]);
      const { lists } = await retrieveLists({
        index: exact,
        interests: interests.subarray(user * perUser, (user + 1) * perUser),
        active: perUser / dim,
        limit: depth,
        exclude: chosen,
        allowed,
      });
      const expected = mergeByMax(lists, depth);
      const answered = await ask(to, body);
      checkAllowed(answered, chosen, user);
      const ids = new Set(answered);
      found += expected.filter(({ item }) => ids.has(worldItemId(item))).length;
      wanted += expected.length;
    }
    return { indexRecall, answerRecall: found / wanted, users: userCount };
  } finally {
    exact.close();
    index.close();
  }
}

async function ask({ url, key }: { readonly url: string; readonly key: string }, body: string): Promise<string[]> {
  const response = await fetch(`${url}/v1/recommendations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`serving answered ${response.status}: ${text}`);
  return (JSON.parse(text) as { items: { itemId: string }[] }).items.map(({ itemId }) => itemId);
}

function checkAllowed(answered: readonly string[], chosen: ReadonlySet<number>, user: number): void {
  if (answered.length !== depth) throw new Error(`user ${user} was answered ${answered.length} items`);
  if (new Set(answered).size !== depth) throw new Error(`user ${user} was answered an item twice`);
  for (const itemId of answered) {
    const item = Number(itemId.slice(itemId.indexOf('-') + 1));
    if (chosen.has(item) || !isAvailable(item)) {
      throw new Error(`user ${user} was answered ${itemId}, which is not allowed`);
    }
  }
}
