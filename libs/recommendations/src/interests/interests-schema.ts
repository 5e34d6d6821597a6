import { Type } from 'typebox';
import type { Static } from 'typebox';
import { askingUserFields } from '../users/asking-user.ts';
import { AnswerInterest, answerOrigin, AnswerSource } from '../answer-parts.ts';

export const nearestDefault = 10;

export const InterestsRequest = Type.Object(
  {
    ...askingUserFields,
    nearest: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: nearestDefault, description: 'Items shown of each interest.' }),
    ),
  },
  { title: 'InterestsRequest', examples: [{ userId: 'ada', nearest: 1 }] },
);
export type InterestsRequest = Static<typeof InterestsRequest>;

const NearestItem = Type.Object(
  { itemId: Type.String(), title: Type.Optional(Type.String()), score: Type.Number() },
  { title: 'NearestItem' },
);

export const InterestsAnswer = Type.Object(
  {
    ...answerOrigin,
    source: AnswerSource,
    interestCount: Type.Integer({ description: "K'u: how many interests the model sees in these behaviors." }),
    interests: Type.Array(
      Type.Object(
        {
          ...AnswerInterest.properties,
          labels: Type.Array(
            Type.Object({ attribute: Type.String(), value: Type.String() }, { title: 'InterestLabel' }),
            {
              description:
                'What sets its items apart from the rest of the catalog; the most telling first, often none.',
            },
          ),
          nearest: Type.Array(NearestItem, {
            description:
              'The items closest to it. It is a description: nothing is ruled out, seen items are among them.',
          }),
        },
        { title: 'DescribedInterest' },
      ),
    ),
    unknownItems: Type.Integer({ description: 'Different ids in behaviors that the bundle does not know.' }),
  },
  {
    title: 'InterestsAnswer',
    description: 'The interests.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        source: { kind: 'model' },
        interestCount: 1,
        interests: [
          {
            interest: 0,
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
export type InterestsAnswer = Static<typeof InterestsAnswer>;
