import { recordOf } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

/** Bounds what one filter may cost. */
const [valuesMax, attributesMax] = [1000, 32];

/** A value of an attribute. Values are compared as texts, as features read them: `5` is `"5"`. */
export const FilterValue = Type.Union([Type.String(), Type.Number(), Type.Boolean()], { title: 'FilterValue' });
export type FilterValue = Static<typeof FilterValue>;

const Values = Type.Array(FilterValue, { maxItems: valuesMax });

/** What an attribute must be; all that is given must hold. */
export const AttributeCondition = Type.Object(
  {
    in: Type.Optional({ ...Values, description: 'Its value is one of these; of a list, any.' }),
    notIn: Type.Optional({ ...Values, description: 'Its value is none of these; of a list, no value is.' }),
    min: Type.Optional(
      Type.Number({ description: 'Its number, or a text that is one, is at least this; of a list, any.' }),
    ),
    max: Type.Optional(
      Type.Number({ description: 'Its number is at most this; of a list, the same one as for `min`.' }),
    ),
  },
  { title: 'AttributeCondition', additionalProperties: false },
);
export type AttributeCondition = Static<typeof AttributeCondition>;

/**
 * Which items may be returned, by what is known of them. An item without the attribute fails `in`, `min` and `max`, and
 * passes `notIn`.
 */
export const AttributeFilter = Type.Object(
  {
    attributes: Type.Optional(
      recordOf(AttributeCondition, {
        maxProperties: attributesMax,
        description: 'Conditions by the name of the attribute; all must hold.',
      }),
    ),
    available: Type.Optional(
      Type.Boolean({ description: '`true`: items that are not withdrawn; `false`: those that are; both by default.' }),
    ),
  },
  { additionalProperties: false },
);
export type AttributeFilter = Static<typeof AttributeFilter>;
