import type { Merge } from '@facet/retrieval';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { requestError } from './request-error.ts';

/** Interests that a model may have at most, in a request's lists of them. */
const interestsMax = 64;

const fields = {
  by: Type.Union([Type.Literal('max'), Type.Literal('round-robin'), Type.Literal('quota'), Type.Literal('diverse')], {
    description:
      'max: an item scores what its best interest gives it (MIND). round-robin: the interests in turn. quota: floors and ' +
      'shares for each interest. diverse: score against the variety of an attribute.',
  }),
  floors: Type.Optional(
    Type.Array(Type.Integer({ minimum: 0 }), {
      maxItems: interestsMax,
      description: 'quota: the least items of each interest, by its number.',
    }),
  ),
  shares: Type.Optional(
    Type.Union([Type.Literal('equal'), Type.Array(Type.Number({ minimum: 0 }), { maxItems: interestsMax })], {
      description: 'quota: the part of the list that each interest fills, by its number, or equal parts.',
    }),
  ),
  lambda: Type.Optional(
    Type.Number({ minimum: 0, maximum: 1_000, description: 'diverse: the weight of variety; 0 is max.' }),
  ),
  attribute: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'diverse: the attribute whose values are to differ, such as category.',
    }),
  ),
};

export const MergeFields = Type.Object(fields, {
  title: 'Merge',
  description: 'How the lists of the interests become one; max by default.',
});
export type MergeFields = Static<typeof MergeFields>;

/** The merge of requests that name none. */
export const MergeDefault = Type.Object(fields, { default: { by: 'max' }, additionalProperties: false });

/** @throws AppError `REQUEST_INVALID` for fields that a kind of merge lacks. */
export function readMerge({ by, floors, shares, lambda, attribute }: MergeFields): Merge {
  if (by === 'quota') {
    if (floors === undefined && shares === undefined) {
      throw requestError('merge.floors is missing, and so is merge.shares.', {
        field: 'merge.floors',
        remedy: 'A quota needs one of them, such as {"by": "quota", "shares": "equal"}.',
      });
    }
    if (Array.isArray(shares) && !shares.some((share) => share > 0)) {
      throw requestError('merge.shares gives no interest a part.', {
        field: 'merge.shares',
        remedy: 'Make one of them positive, or leave them out.',
      });
    }
    return { by, ...(floors === undefined ? {} : { floors }), ...(shares === undefined ? {} : { shares }) };
  }
  if (by === 'diverse') {
    if (lambda === undefined) throw missing('lambda');
    if (attribute === undefined) throw missing('attribute');
    return { by, lambda, attribute };
  }
  return { by };
}

function missing(name: 'lambda' | 'attribute'): Error {
  return requestError(`merge.${name} is missing.`, {
    field: `merge.${name}`,
    remedy: 'Diversity needs both, such as {"by": "diverse", "lambda": 0.3, "attribute": "category"}.',
  });
}
