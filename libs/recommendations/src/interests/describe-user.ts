import type { BundleView } from '@facet/bundles';
import type { Recommendation } from '../recommend.ts';
import { nearestItems } from '../similar-items/nearest-items.ts';
import { describeInterests, readUser } from '../users/read-user.ts';
import type { UserFacts, UserInterest } from '../users/read-user.ts';

/**
 * A user's interests with what formed them and the items nearest to each, most similar first. Nothing is excluded, and
 * popularity plays no part: it would put the same items first for every interest.
 */
export async function describeUser(
  bundle: BundleView,
  request: UserFacts & { readonly nearest: number },
): Promise<(UserInterest & { readonly nearest: readonly Recommendation[] })[]> {
  const user = readUser(bundle, request);
  const { dim } = bundle.info.index;
  return Promise.all(
    describeInterests(bundle, user).map(async (described) => {
      const { interest } = described;
      const vector = user.interests.vectors.slice(interest * dim, (interest + 1) * dim);
      const found = await nearestItems(bundle, vector, { limit: request.nearest });
      return {
        ...described,
        nearest: found.map(({ item, score }) => ({ itemId: bundle.idOf(item), score, interest })),
      };
    }),
  );
}
