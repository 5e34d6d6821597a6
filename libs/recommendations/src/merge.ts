import type { Merge } from '@facet/retrieval';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { requestError } from './request-error.ts';
import type { RequestFault } from './request-error.ts';

/** Maximum number of interests in a per-interest list of a request. */
export const interestsMax = 64;

const texts = {
  max: 'By the score of the model, over all interests.',
  roundRobin: 'Takes the next best item of each interest in turn.',
  quota: 'Each interest has a minimum or a share, at least one of the two.',
  diverse: 'Lowers the score of an item for each earlier item with the same attribute value.',
  floors: 'The minimum number of items for each interest, in interest order.',
  shares: 'The share of the list for each interest, in interest order, or `equal`. At least one share is positive.',
  lambda: 'The weight of variety; 0 ranks by score alone.',
  attribute: 'The attribute to vary, such as category.',
};

const floors = Type.Array(Type.Integer({ minimum: 0 }), { maxItems: interestsMax, description: texts.floors });
const sharesOfInterests = Type.Array(Type.Number({ minimum: 0 }), { maxItems: interestsMax });
const shares = Type.Union([Type.Literal('equal'), sharesOfInterests], { description: texts.shares });
const lambda = Type.Number({ minimum: 0, maximum: 1_000, description: texts.lambda });
const attribute = Type.String({ minLength: 1, description: texts.attribute });

const positiveShares = Type.Union(
  [
    Type.Literal('equal'),
    Type.Array(Type.Number({ minimum: 0 }), { maxItems: interestsMax, contains: { exclusiveMinimum: 0 } }),
  ],
  { description: texts.shares },
);
const closed = { additionalProperties: false };

/** The merges as the document of the API describes them. {@link findMergeFault} finds the same faults, with better messages. */
const documentedKinds = [
  Type.Object({ by: Type.Literal('max') }, { title: 'MergeMax', description: texts.max, ...closed }),
  Type.Object(
    { by: Type.Literal('round-robin') },
    { title: 'MergeRoundRobin', description: texts.roundRobin, ...closed },
  ),
  Type.Object(
    { by: Type.Literal('quota'), floors: Type.Optional(floors), shares: Type.Optional(positiveShares) },
    { title: 'MergeQuota', description: texts.quota, minProperties: 2, ...closed },
  ),
  Type.Object(
    { by: Type.Literal('diverse'), lambda, attribute },
    { title: 'MergeDiverse', description: texts.diverse, ...closed },
  ),
];

export const MergeFields = Type.Object(
  {
    by: Type.Union([Type.Literal('max'), Type.Literal('round-robin'), Type.Literal('quota'), Type.Literal('diverse')], {
      description:
        'max: by the score of the model, over all interests. round-robin: the interests take turns. quota: each ' +
        'interest has a minimum or a share. diverse: trades score for variety in one attribute.',
    }),
    floors: Type.Optional({ ...floors, description: `quota: ${texts.floors}` }),
    shares: Type.Optional({ ...shares, description: `quota: ${texts.shares}` }),
    lambda: Type.Optional({ ...lambda, description: `diverse: ${texts.lambda}` }),
    attribute: Type.Optional({ ...attribute, description: `diverse: ${texts.attribute}` }),
  },
  {
    title: 'Merge',
    additionalProperties: false,
    description: 'How the candidate lists of the interests are merged into one list. Default: max.',
    documentedAs: {
      oneOf: documentedKinds,
      discriminator: {
        propertyName: 'by',
        mapping: {
          max: '#/components/schemas/MergeMax',
          'round-robin': '#/components/schemas/MergeRoundRobin',
          quota: '#/components/schemas/MergeQuota',
          diverse: '#/components/schemas/MergeDiverse',
        },
      },
    },
  },
);
export type MergeFields = Static<typeof MergeFields>;

/** The merge of requests without `merge`. */
export const MergeDefault = Type.Object(MergeFields.properties, {
  default: { by: 'max' },
  additionalProperties: false,
  description: 'How the candidate lists of the interests are merged into one list.',
});

interface MergeFault extends RequestFault {
  /** Completes a sentence that begins with the field name. */
  readonly problem: string;
  readonly remedy: string;
}

/** The kind of merge that each optional field belongs to. */
const kindOfField = { floors: 'quota', shares: 'quota', lambda: 'diverse', attribute: 'diverse' } as const;

/** Returns the first fault that the schema cannot express: a missing field, or a field of another kind of merge. */
export function findMergeFault(merge: MergeFields): MergeFault | undefined {
  const { by, floors, shares, lambda, attribute } = merge;
  const fault = (name: keyof typeof kindOfField, problem: string, remedy: string): MergeFault => ({
    field: `merge.${name}`,
    problem,
    remedy,
  });
  for (const name of ['floors', 'shares', 'lambda', 'attribute'] as const) {
    const kind = kindOfField[name];
    if (merge[name] === undefined || kind === by) continue;
    return fault(name, `belongs to ${kind}, but merge.by is ${by}`, `Remove it, or set merge.by to ${kind}.`);
  }
  if (by === 'quota') {
    if (floors === undefined && shares === undefined) {
      const remedy = 'Set at least one of them, such as {"by": "quota", "shares": "equal"}.';
      return fault('floors', 'is missing, as is merge.shares', remedy);
    }
    if (Array.isArray(shares) && !shares.some((share) => share > 0)) {
      return fault('shares', 'must have a positive share', 'Make one share positive, or remove merge.shares.');
    }
  }
  if (by === 'diverse' && (lambda === undefined || attribute === undefined)) {
    const remedy = 'Set both fields, such as {"by": "diverse", "lambda": 0.3, "attribute": "category"}.';
    return fault(lambda === undefined ? 'lambda' : 'attribute', 'is missing', remedy);
  }
  return undefined;
}

/** @throws AppError `REQUEST_INVALID` for a fault that {@link findMergeFault} finds. */
export function parseMerge(merge: MergeFields): Merge {
  const fault = findMergeFault(merge);
  if (fault !== undefined) throw requestError(`${fault.field} ${fault.problem}.`, fault);
  const { by, floors, shares, lambda, attribute } = merge;
  if (by === 'quota') return { by, floors, shares };
  return by === 'diverse' ? { by, lambda: lambda!, attribute: attribute! } : { by };
}
