import { labelGroups } from '@facet/bundles';
import type { BundleView } from '@facet/bundles';
import { couplingCoefficients, interestCohesion } from '@facet/model';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { explainInterests, inferUser, reasonWithoutInterests } from './users/inferred-user.ts';
import type { InferredUser, UserInput } from './users/inferred-user.ts';
import type { ResponseContext } from './context.ts';
import { findNearestItems } from './find-items.ts';
import { strictField } from './request-fields.ts';
import {
  countUnknownItems,
  describeItem,
  describeOrigin,
  InterestBehavior,
  originFields,
  ResponseSource,
  ScoredItem,
  UserInterest,
} from './response.ts';
import {
  interestCountField,
  listRequestedItems,
  readRequester,
  refineSource,
  requesterFields,
} from './users/requester.ts';
import { noSpans } from './spans.ts';

export const InterestCoupling = Type.Object(
  {
    behaviors: Type.Array(
      Type.Object({
        itemId: Type.String(),
        title: Type.Optional(Type.String()),
        coefficients: Type.Array(Type.Number(), { description: 'One per interest; they sum to 1.' }),
      }),
      { description: 'The behaviors that the model reads, oldest first.' },
    ),
    similarity: Type.Object(
      {
        within: Type.Optional(Type.Number({ description: 'Mean over pairs with the same strongest interest.' })),
        across: Type.Optional(Type.Number({ description: 'Mean over pairs with different strongest interests.' })),
      },
      { description: 'Cosine of the items of two behaviors. Absent without such a pair.' },
    ),
  },
  { title: 'InterestCoupling', description: 'The coupling coefficients of behaviors and interests (MIND, §4.2).' },
);
export type InterestCoupling = Static<typeof InterestCoupling>;

/** Describes how the behaviors of a user divide over the interests. Learned user vectors have no behaviors. */
export function describeCoupling(bundle: BundleView, { rows, interests }: InferredUser): InterestCoupling {
  const { embeddingDim: D } = bundle.info.spec.config;
  const { count } = interests;
  const all = couplingCoefficients(interests);
  const coupled = [...rows.items]
    .map((item, slot) => ({ item, coefficients: [...all.subarray(slot * count, (slot + 1) * count)] }))
    .filter(({ coefficients }) => coefficients.some((value) => value > 0));
  const cohesion = interestCohesion(
    coupled.map(({ item }) => bundle.vectorOf(item).subarray(0, D)),
    coupled.map(({ coefficients }) => coefficients),
  );
  return {
    behaviors: coupled.map(({ item, coefficients }) => ({
      itemId: bundle.idOf(item),
      title: bundle.titleOf(item),
      coefficients,
    })),
    similarity: cohesion,
  };
}

const nearestDefault = 10;

export const InterestsRequest = Type.Object(
  {
    ...requesterFields,
    interestCount: interestCountField,
    nearest: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: nearestDefault, description: 'Nearest items per interest.' }),
    ),
    coupling: Type.Optional(
      Type.Boolean({ default: false, description: 'Adds the coupling coefficients of behaviors and interests.' }),
    ),
    strict: strictField,
  },
  { title: 'InterestsRequest', examples: [{ userId: 'ada', nearest: 1 }] },
);
export type InterestsRequest = Static<typeof InterestsRequest>;

const DescribedInterest = Type.Object(
  {
    ...UserInterest.properties,
    behaviors: Type.Array(InterestBehavior, {
      description: 'The behaviors that formed the interest, largest share first.',
    }),
    nearest: Type.Array(ScoredItem, {
      description: 'The items closest to the interest, including seen and unavailable items.',
    }),
  },
  { title: 'DescribedInterest' },
);
type DescribedInterest = Static<typeof DescribedInterest>;

export const InterestsResponse = Type.Object(
  {
    ...originFields,
    source: ResponseSource,
    interestCount: Type.Integer({ description: "K'u: the number of interests that the model infers." }),
    interests: Type.Array(DescribedInterest),
    coupling: Type.Optional(InterestCoupling),
    unknownItems: Type.Integer({ description: 'Distinct item ids in behaviors that the bundle does not know.' }),
  },
  {
    title: 'InterestsResponse',
    description: 'The interests of the user.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        source: { kind: 'model' },
        interestCount: 1,
        interests: [
          {
            interest: 1,
            labels: [{ attribute: 'genre', value: 'space' }],
            behaviors: [{ itemId: 'film-3', title: 'The film 3', share: 1 }],
            nearest: [{ itemId: 'film-7', title: 'The film 7', score: 3.25 }],
          },
        ],
        unknownItems: 0,
      },
    ],
  },
);
export type InterestsResponse = Static<typeof InterestsResponse>;

/** A behavior is typical of an interest if its share is at least this part of the largest share. */
const typicalShareMin = 0.25;

/**
 * Describes the interests of one user. Without interests, the source has the reason.
 *
 * @throws AppError `REQUEST_INVALID`.
 */
export async function respondWithInterests(
  request: InterestsRequest,
  context: Pick<ResponseContext, 'bundle' | 'readProfile' | 'now' | 'spans'>,
): Promise<InterestsResponse> {
  const { bundle, spans = noSpans } = context;
  const { interestCount, nearest = nearestDefault } = request;
  spans.start('profile');
  const requester = await readRequester(request, context);
  const user = { ...requester, interestCount, nearest };
  const { interests, coupling, reason } = await describeUser(bundle, user, spans);
  spans.start('render');
  const response = {
    ...describeOrigin(bundle),
    source: refineSource(requester, reason === undefined ? { kind: 'model' } : { kind: 'popular', reason }),
    interestCount: interests.length,
    interests,
    coupling: request.coupling === true ? coupling : undefined,
    unknownItems: countUnknownItems(bundle, listRequestedItems(request)),
  };
  spans.stop();
  return response;
}

/** The number of nearest items that label an interest. */
const labelledItems = 20;

/**
 * Returns each interest with labels and the items nearest to it, without exclusions. Popularity has no influence: it would put the same
 * items first for every interest.
 */
export async function describeInterests(
  bundle: BundleView,
  user: InferredUser,
  nearest = 0,
): Promise<DescribedInterest[]> {
  const { dim } = bundle.info.index;
  const explained = explainInterests(bundle, user);
  const found = await Promise.all(
    explained.map((_, position) => {
      const vector = user.interests.vectors.slice(position * dim, (position + 1) * dim);
      return findNearestItems(bundle, vector, { limit: Math.max(nearest, labelledItems) });
    }),
  );
  const labels = labelGroups(
    bundle,
    explained.map(({ behaviors }, position) => {
      const shareMin = typicalShareMin * (behaviors[0]?.share ?? 0);
      const typical = behaviors.filter(({ share }) => share > 0 && share >= shareMin);
      const near = found[position]!.slice(0, labelledItems).map(({ item }) => item);
      return new Set([...typical.map(({ itemId }) => bundle.indexOf(itemId)!), ...near]);
    }),
  );
  return explained.map(({ interest, behaviors }, position) => ({
    interest,
    labels: labels[position]!.map(({ attribute, value }) => ({ attribute, value })),
    behaviors,
    nearest: found[position]!.slice(0, nearest).map((item) => describeItem(bundle, item)),
  }));
}

/** Describes the interests of a user. Without interests, `reason` says why. */
export async function describeUser(
  bundle: BundleView,
  request: UserInput & { readonly nearest: number },
  spans = noSpans,
): Promise<{
  interests: DescribedInterest[];
  coupling: InterestCoupling | undefined;
  reason: ReturnType<typeof reasonWithoutInterests>;
}> {
  spans.start('interests');
  const user = inferUser(bundle, request);
  spans.stop();
  const reason = reasonWithoutInterests(user, request);
  if (reason !== undefined) return { interests: [], coupling: undefined, reason };
  spans.start('search');
  const interests = await describeInterests(bundle, user, request.nearest);
  return { interests, coupling: describeCoupling(bundle, user), reason };
}
