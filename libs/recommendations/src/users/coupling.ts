import type { BundleView } from '@facet/bundles';
import { couplingCoefficients, interestCohesion } from '@facet/model';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { InferredUser } from './inferred-user.ts';

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
