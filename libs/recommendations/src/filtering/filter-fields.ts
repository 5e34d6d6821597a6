import { Type } from 'typebox';
import type { Static } from 'typebox';

/** A single fact to compare with; of an attribute that is a list, any of its entries. */
const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);

const valuesMax = 1_000;

const scalars = (description: string) => Type.Array(Scalar, { maxItems: valuesMax, description });
const Scalars = scalars('Some facts to compare with.');

export const AttributeCondition = Type.Object(
  {
    in: Type.Optional(scalars('One of these; an item without the attribute fails.')),
    notIn: Type.Optional(scalars('None of these; an item without the attribute passes.')),
    min: Type.Optional(Type.Number({ description: 'At least this; an item without the attribute fails.' })),
    max: Type.Optional(Type.Number({ description: 'At most this; an item without the attribute fails.' })),
  },
  { additionalProperties: false },
);

export const ItemFilter = Type.Object(
  {
    attributes: Type.Optional(Type.Record(Type.String(), AttributeCondition)),
    available: Type.Optional(
      Type.Literal(true, { description: 'Always so: what is not available is never returned.' }),
    ),
  },
  { additionalProperties: false, description: 'Items must meet all conditions.' },
);
export type ItemFilter = Static<typeof ItemFilter>;
/** Conditions by attribute, all of which an item must meet. */
export type AttributeFilter = NonNullable<ItemFilter['attributes']>;

const ContextValue = Type.Union([Scalar, Scalars]);

/** The fields of a request that say which items may be returned. */
export const filterFields = {
  filters: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      maxItems: 20,
      description: 'Names of filters that facet.yaml declares; items must pass all of them.',
    }),
  ),
  filter: Type.Optional(ItemFilter),
  context: Type.Optional(
    Type.Record(Type.String(), ContextValue, {
      description: 'Where and how is asked, such as device or country; named filters may refer to its fields.',
    }),
  ),
};

/** A value of a named filter, or the field of the request's context that has it. */
const FromContext = Type.Object({ context: Type.String({ minLength: 1 }) }, { additionalProperties: false });

const NamedCondition = Type.Object(
  {
    in: Type.Optional(Type.Union([Scalars, FromContext])),
    notIn: Type.Optional(Type.Union([Scalars, FromContext])),
    min: Type.Optional(Type.Union([Type.Number(), FromContext])),
    max: Type.Optional(Type.Union([Type.Number(), FromContext])),
  },
  { additionalProperties: false },
);

/** Filters by name, as facet.yaml declares them. */
export const NamedFilters = Type.Record(
  Type.String(),
  Type.Object({ attributes: Type.Record(Type.String(), NamedCondition) }, { additionalProperties: false }),
  { default: {} },
);
export type NamedFilters = Static<typeof NamedFilters>;
