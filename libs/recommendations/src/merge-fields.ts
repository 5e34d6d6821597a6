import type { Merge } from '@facet/retrieval';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { requestError } from './request-error.ts';
import type { RequestFault } from './request-error.ts';

/** Interests that a model may have at most, in a request's lists of them. */
export const interestsMax = 64;

export const MergeFields = Type.Object(
  {
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
  },
  {
    title: 'Merge',
    additionalProperties: false,
    description: 'How the lists of the interests become one; max by default.',
  },
);
export type MergeFields = Static<typeof MergeFields>;

/** The merge of requests that name none. */
export const MergeDefault = Type.Object(MergeFields.properties, {
  default: { by: 'max' },
  additionalProperties: false,
});

interface MergeFault extends RequestFault {
  /** What follows the name of the field in a sentence. */
  readonly complaint: string;
  readonly remedy: string;
}

/** Which kind of merge has which fields. */
const kindOf = { floors: 'quota', shares: 'quota', lambda: 'diverse', attribute: 'diverse' } as const;

/** What is wrong with a merge that its schema does not tell: it lacks a field of its kind, or has one of another kind. */
export function mergeFault(merge: MergeFields): MergeFault | undefined {
  const { by, floors, shares, lambda, attribute } = merge;
  const fault = (name: keyof typeof kindOf, complaint: string, remedy: string): MergeFault => ({
    field: `merge.${name}`,
    complaint,
    remedy,
  });
  for (const name of ['floors', 'shares', 'lambda', 'attribute'] as const) {
    const kind = kindOf[name];
    if (merge[name] === undefined || kind === by) continue;
    return fault(name, `belongs to ${kind}, and merge.by is ${by}`, `Leave it out, or let merge.by be ${kind}.`);
  }
  if (by === 'quota') {
    if (floors === undefined && shares === undefined) {
      const remedy = 'A quota needs one of them, such as {"by": "quota", "shares": "equal"}.';
      return fault('floors', 'is missing, and so is merge.shares', remedy);
    }
    if (Array.isArray(shares) && !shares.some((share) => share > 0)) {
      return fault('shares', 'gives no interest a part', 'Make one of them positive, or leave them out.');
    }
  }
  if (by === 'diverse' && (lambda === undefined || attribute === undefined)) {
    const remedy = 'Diversity needs both, such as {"by": "diverse", "lambda": 0.3, "attribute": "category"}.';
    return fault(lambda === undefined ? 'lambda' : 'attribute', 'is missing', remedy);
  }
  return undefined;
}

/** @throws AppError `REQUEST_INVALID` for what {@link mergeFault} finds. */
export function readMerge(merge: MergeFields): Merge {
  const wrong = mergeFault(merge);
  if (wrong !== undefined) throw requestError(`${wrong.field} ${wrong.complaint}.`, wrong);
  const { by, floors, shares, lambda, attribute } = merge;
  if (by === 'quota') return { by, floors, shares };
  return by === 'diverse' ? { by, lambda: lambda!, attribute: attribute! } : { by };
}
