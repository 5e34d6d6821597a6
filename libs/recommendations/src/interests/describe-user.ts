import type { BundleView } from '@facet/bundles';
import type { Recommendation } from '../recommend.ts';
import { nearestItems } from '../similar-items/nearest-items.ts';
import { describeInterests, readUser, whyWithoutInterests } from '../users/read-user.ts';
import type { ReadUser, UserFacts, UserInterest } from '../users/read-user.ts';

/** An interest with what formed it, and the items nearest to it, most similar first. */
export type DescribedInterest = UserInterest & { readonly nearest: readonly Recommendation[] };

/** A user's interests; none of somebody in whom the model sees none. See {@link nearestToInterests}. */
export async function describeUser(
  bundle: BundleView,
  request: UserFacts & { readonly nearest: number },
): Promise<DescribedInterest[]> {
  const user = readUser(bundle, request);
  return whyWithoutInterests(user, request) === undefined ? nearestToInterests(bundle, user, request.nearest) : [];
}

/**
 * The interests with so many items nearest to each. Nothing is excluded, and popularity plays no part: it would put the
 * same items first for every interest.
 */
export async function nearestToInterests(
  bundle: BundleView,
  user: ReadUser,
  limit: number,
): Promise<DescribedInterest[]> {
  const { dim } = bundle.info.index;
  return Promise.all(
    describeInterests(bundle, user).map(async (described) => {
      const { interest } = described;
      const vector = user.interests.vectors.slice(interest * dim, (interest + 1) * dim);
      const found = await nearestItems(bundle, vector, { limit });
      return {
        ...described,
        nearest: found.map(({ item, score }) => ({ itemId: bundle.idOf(item), score, interest })),
      };
    }),
  );
}
