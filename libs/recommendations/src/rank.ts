import { IdentifierSchema } from '@facet/schemas';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { ResponseContext } from './context.ts';
import type { FoundItem } from './find-items.ts';
import { includeField, strictField } from './request-fields.ts';
import {
  describeItem,
  describeOrigin,
  interestNumber,
  listUnknownAttributes,
  originFields,
  ResponseSource,
  ScoredItem,
  unknownAttributesField,
} from './response.ts';
import { inferUser, reasonWithoutInterests, scoreForUser } from './users/inferred-user.ts';
import { interestCountField, readRequester, refineSource, requesterFields } from './users/requester.ts';
import { noSpans } from './spans.ts';

export const RankRequest = Type.Object(
  {
    ...requesterFields,
    interestCount: interestCountField,
    itemIds: Type.Array(IdentifierSchema, {
      minItems: 1,
      maxItems: 1_000,
      description: 'The candidates. Repeated and unknown ids are left out.',
    }),
    include: includeField,
    strict: strictField,
  },
  { title: 'RankRequest', examples: [{ userId: 'ada', itemIds: ['film-1', 'film-7', 'film-9'] }] },
);
export type RankRequest = Static<typeof RankRequest>;

const RankedItem = Type.Object(
  {
    ...ScoredItem.properties,
    score: Type.Number({
      description: 'The score that recommendations with merge max have, or in a fallback the recent interaction count.',
    }),
    interest: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'The number of the interest that is nearest to the item, from 1. Absent in a fallback.',
      }),
    ),
  },
  { title: 'RankedItem' },
);

export const RankResponse = Type.Object(
  {
    ...originFields,
    source: ResponseSource,
    items: Type.Array(RankedItem, { description: 'Best item first. Includes unavailable and seen items.' }),
    unknownItems: Type.Integer({ description: 'Number of distinct candidates that the bundle does not know.' }),
    unknownAttributes: unknownAttributesField,
  },
  {
    title: 'RankResponse',
    description: 'The candidates by score.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        source: { kind: 'model' },
        items: [
          { itemId: 'film-7', title: 'The film 7', score: 3.25, interest: 1 },
          { itemId: 'film-1', title: 'The film 1', score: 1.75, interest: 2 },
        ],
        unknownItems: 1,
      },
    ],
  },
);
export type RankResponse = Static<typeof RankResponse>;

/**
 * Scores candidates of the caller for one user, as the model scores the catalog. Without interests, the candidates are ordered by
 * popularity, and the source has the reason.
 *
 * @throws AppError `REQUEST_INVALID`.
 */
export async function respondWithRank(
  request: RankRequest,
  context: Pick<ResponseContext, 'bundle' | 'readProfile' | 'now' | 'spans'>,
): Promise<RankResponse> {
  const { bundle, spans = noSpans } = context;
  const { itemIds, include } = request;
  spans.start('profile');
  const requester = await readRequester(request, context);
  spans.start('interests');
  const user = inferUser(bundle, { ...requester, interestCount: request.interestCount });
  const reason = reasonWithoutInterests(user, requester);
  spans.start('search');
  const distinct = [...new Set(itemIds)];
  const known = distinct.flatMap((itemId) => bundle.indexOf(itemId) ?? []);
  const scoreItem = bundle.createItemScorer(user.interests);
  const scored = known.map((item): FoundItem => {
    if (reason !== undefined) return { item, score: bundle.popularityOf(item) };
    const { score, interest } = scoreItem(item);
    return { item, score: scoreForUser(user, item, score), interest };
  });
  scored.sort((a, b) => b.score - a.score || a.item - b.item);
  spans.start('render');
  const response = {
    ...describeOrigin(bundle),
    source: refineSource(requester, reason === undefined ? { kind: 'model' } : { kind: 'popular', reason }),
    items: scored.map((found) => ({
      ...describeItem(bundle, found, include),
      ...(found.interest === undefined ? {} : { interest: interestNumber(found.interest) }),
    })),
    unknownItems: distinct.length - known.length,
    unknownAttributes: listUnknownAttributes(bundle, [], include),
  };
  spans.stop();
  return response;
}
