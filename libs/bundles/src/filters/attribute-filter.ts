import { recordOf } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Limits the cost of one filter. */
const [valuesMax, attributesMax] = [1000, 32];

/** A value of an attribute. Values are compared as text, as features read them: `5` equals `"5"`. */
export const FilterValue = Type.Union([Type.String(), Type.Number(), Type.Boolean()], { title: 'FilterValue' });
export type FilterValue = Static<typeof FilterValue>;

const Values = Type.Array(FilterValue, { maxItems: valuesMax });

/** Conditions on an attribute; all of them must hold. */
export const AttributeCondition = Type.Object(
  {
    in: Type.Optional({ ...Values, description: 'The value is one of these. For a list: any of its values.' }),
    notIn: Type.Optional({ ...Values, description: 'The value is none of these. For a list: none of its values.' }),
    min: Type.Optional(
      Type.Number({
        description: 'The value is a number, or a text with a number, of at least this. For a list: any of its values.',
      }),
    ),
    max: Type.Optional(
      Type.Number({ description: 'The value is at most this. For a list: the same value that satisfies `min`.' }),
    ),
  },
  { title: 'AttributeCondition', additionalProperties: false },
);
export type AttributeCondition = Static<typeof AttributeCondition>;

/** Selects items by their attributes. An item without the attribute fails `in`, `min` and `max`, and passes `notIn`. */
export const AttributeFilter = Type.Object(
  {
    attributes: Type.Optional(
      recordOf(AttributeCondition, {
        maxProperties: attributesMax,
        description: 'Conditions by attribute name; all must hold.',
      }),
    ),
    available: Type.Optional(
      Type.Boolean({
        description: '`true`: only items that are not withdrawn; `false`: only withdrawn items; default: both.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type AttributeFilter = Static<typeof AttributeFilter>;
