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
  { title: 'InterestsRequest', examples: [{ userId: '196', nearest: 5 }] },
);
export type InterestsRequest = Static<typeof InterestsRequest>;

const NearestItem = Type.Object({ itemId: Type.String(), title: Type.Optional(Type.String()), score: Type.Number() });

export const InterestsAnswer = Type.Object(
  {
    ...answerOrigin,
    source: AnswerSource,
    interestCount: Type.Integer({ description: "K'u: how many interests the model sees in these behaviors." }),
    interests: Type.Array(
      Type.Object({
        ...AnswerInterest.properties,
        labels: Type.Array(Type.Object({ attribute: Type.String(), value: Type.String() }), {
          description: 'What sets its items apart from the rest of the catalog; the most telling first, often none.',
        }),
        nearest: Type.Array(NearestItem, {
          description: 'The items closest to it. It is a description: nothing is ruled out, seen items are among them.',
        }),
      }),
    ),
    unknownItems: Type.Integer({ description: 'Different ids in behaviors that the bundle does not know.' }),
  },
  { title: 'InterestsAnswer', description: 'The interests.' },
);
export type InterestsAnswer = Static<typeof InterestsAnswer>;
