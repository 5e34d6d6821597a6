import { createRandom } from '@facet/features';
import type { VectorIndex } from '@facet/retrieval';
import { sequenceLength } from './world-model.ts';

/** Things that a user is drawn to; as many as the model has interests. */
const tastesPerUser = 4;
/** A user's choices of one taste are among so many items nearest to one item. */
const neighbors = 60;
const usersPerSearch = 16;

/**
 * Behaviors of users, each [L] item indices, oldest first, all different: a user has a few tastes, each an item and
 * neighbors of it, and mixes them over time.
 *
 * @param scan finds the exact neighbors of an item
 * @param vectors [N + 1, D], what the index holds
 */
export async function drawUsers(
  scan: VectorIndex,
  vectors: Float32Array,
  count: number,
  onProgress: (share: number) => void,
): Promise<Int32Array[]> {
  const { dim, size } = scan;
  const random = createRandom(5);
  const users: Int32Array[] = [];
  while (users.length < count) {
    const wanted = Math.min(usersPerSearch, count - users.length);
    const queries = new Float32Array(wanted * tastesPerUser * dim);
    for (let query = 0; query < wanted * tastesPerUser; query++) {
      const item = 1 + random.int(size);
      queries.set(vectors.subarray(item * dim, (item + 1) * dim), query * dim);
    }
    const depth = Math.min(size, neighbors);
    const { ids } = await scan.search(queries, depth);
    for (let user = 0; user < wanted; user++) {
      const chosen = new Set<number>();
      const lists = Array.from({ length: tastesPerUser }, (_, taste) => {
        const first = (user * tastesPerUser + taste) * depth;
        const list = Array.from(ids.subarray(first, first + depth));
        random.shuffle(list);
        return list;
      });
      for (let turn = 0; chosen.size < sequenceLength; turn++) {
        const item = lists[turn % tastesPerUser]!.pop();
        if (item !== undefined && item > 0) chosen.add(item);
      }
      const items = Int32Array.from(chosen);
      random.shuffle(items);
      users.push(items);
    }
    onProgress(users.length / count);
  }
  return users;
}
