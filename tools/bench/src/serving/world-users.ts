import { createRandom } from '@facet/features';
import type { VectorIndex } from '@facet/retrieval';
import { sequenceLength } from './world-model.ts';

/** One taste per interest of the model. */
const tastesPerUser = 4;
/** Size of a taste: the nearest neighbors of one item. */
const neighbors = 60;
const usersPerSearch = 16;

/**
 * Returns [L] distinct item indices per user, oldest first. A user alternates between a few tastes, each one item and its
 * neighbors.
 *
 * @param scan exact index of the items
 * @param vectors [N + 1, D] vectors of the index
 */
export async function drawUsers(scan: VectorIndex, vectors: Float32Array, count: number): Promise<Int32Array[]> {
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
  }
  return users;
}
