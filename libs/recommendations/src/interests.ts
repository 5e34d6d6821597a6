import { labelItems } from '@facet/bundles';
import type { BundleView } from '@facet/bundles';
import { couplingCoefficients, interestCohesion } from '@facet/model';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { explainInterests, inferUser, reasonWithoutInterests } from './users/inferred-user.ts';
import type { InferredUser, UserInput } from './users/inferred-user.ts';
import { noSpans } from './context.ts';
import type { ResponseContext } from './context.ts';
import { findNearestItems } from './find-items.ts';
import { strictField } from './request-fields.ts';
import {
  countUnknownItems,
  describeItem,
  describeOrigin,
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
    labels: Type.Array(Type.Object({ attribute: Type.String(), value: Type.String() }, { title: 'InterestLabel' }), {
      description: 'Attribute values that distinguish its items from the catalog, strongest first. Often empty.',
    }),
    nearest: Type.Array(ScoredItem, {
      description: 'The items closest to the interest, including seen and unavailable items.',
    }),
  },
  { title: 'DescribedInterest' },
);
type InterestWithNearest = Omit<Static<typeof DescribedInterest>, 'labels'>;

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
            behaviors: [{ itemId: 'film-3', title: 'The film 3', share: 1 }],
            labels: [{ attribute: 'genre', value: 'space' }],
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
    interests: interests.map((interest) => ({ ...interest, labels: labelInterest(bundle, interest) })),
    coupling: request.coupling === true ? coupling : undefined,
    unknownItems: countUnknownItems(bundle, listRequestedItems(request)),
  };
  spans.stop();
  return response;
}

/** Labels an interest by the nearest items, and by the behaviors with the largest shares. */
function labelInterest(bundle: BundleView, { behaviors, nearest }: InterestWithNearest) {
  const shareMin = typicalShareMin * (behaviors[0]?.share ?? 0);
  const typical = behaviors.filter(({ share }) => share > 0 && share >= shareMin);
  const items = new Set([...typical, ...nearest].map(({ itemId }) => bundle.indexOf(itemId)!));
  return labelItems(bundle, items).map(({ attribute, value }) => ({ attribute, value }));
}

/**
 * Returns each interest with the items nearest to it, without exclusions. Popularity has no influence: it would put the same
 * items first for every interest.
 */
async function findNearestToInterests(
  bundle: BundleView,
  user: InferredUser,
  limit: number,
): Promise<InterestWithNearest[]> {
  const { dim } = bundle.info.index;
  return Promise.all(
    explainInterests(bundle, user).map(async (explained, position) => {
      const vector = user.interests.vectors.slice(position * dim, (position + 1) * dim);
      const found = await findNearestItems(bundle, vector, { limit });
      return { ...explained, nearest: found.map((item) => describeItem(bundle, item)) };
    }),
  );
}

/** Describes the interests of a user. Without interests, `reason` says why. */
export async function describeUser(
  bundle: BundleView,
  request: UserInput & { readonly nearest: number },
  spans = noSpans,
): Promise<{
  interests: InterestWithNearest[];
  coupling: InterestCoupling | undefined;
  reason: ReturnType<typeof reasonWithoutInterests>;
}> {
  spans.start('interests');
  const user = inferUser(bundle, request);
  spans.stop();
  const reason = reasonWithoutInterests(user, request);
  if (reason !== undefined) return { interests: [], coupling: undefined, reason };
  spans.start('search');
  const interests = await findNearestToInterests(bundle, user, request.nearest);
  return { interests, coupling: describeCoupling(bundle, user), reason };
}
