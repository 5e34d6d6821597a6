import { AttributeFilter, FilterValue } from '@facet/bundles/filters';
import { recordOf } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

const { attributes } = AttributeFilter.properties;

export const ItemFilter = Type.Object(
  {
    attributes,
    available: Type.Optional(
      Type.Literal(true, { description: 'Always so: what is not available is never returned.' }),
    ),
  },
  { title: 'ItemFilter', additionalProperties: false, description: 'Items must meet all conditions.' },
);
export type ItemFilter = Static<typeof ItemFilter>;

const Values = Type.Array(FilterValue, { maxItems: 1_000 });
const ContextValue = Type.Union([FilterValue, Values]);

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
    recordOf(ContextValue, {
      description: 'Where and how is asked, such as device or country; named filters may refer to its fields.',
    }),
  ),
};

/** A value of a named filter, or the field of the request's context that has it. */
const FromContext = Type.Object({ context: Type.String({ minLength: 1 }) }, { additionalProperties: false });

const NamedCondition = Type.Object(
  {
    in: Type.Optional(Type.Union([Values, FromContext])),
    notIn: Type.Optional(Type.Union([Values, FromContext])),
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
