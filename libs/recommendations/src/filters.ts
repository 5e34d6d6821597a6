import type { AttributeCondition } from '@facet/bundles';
import { AttributeFilter, FilterValue } from '@facet/bundles/filters';
import { recordOf } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { requestError } from './request-error.ts';

const { attributes } = AttributeFilter.properties;

const ItemFilter = Type.Object(
  {
    attributes,
    available: Type.Optional(
      Type.Literal(true, { description: 'Has no effect: unavailable items are never returned.' }),
    ),
  },
  { title: 'ItemFilter', additionalProperties: false, description: 'Items must meet all conditions.' },
);

const Values = Type.Array(FilterValue, { maxItems: 1_000 });
const ContextValue = Type.Union([FilterValue, Values]);

/** The request fields that restrict which items may be returned. */
export const filterFields = {
  filters: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      maxItems: 20,
      description: 'Names of filters declared in facet.yaml. Items must pass all of them.',
    }),
  ),
  filter: Type.Optional(ItemFilter),
  context: Type.Optional(
    recordOf(ContextValue, {
      description: 'The situation of the request, such as device or country. Named filters may refer to its fields.',
    }),
  ),
};

/** Takes a value of a named filter from a field of the request's context. */
const FromContext = Type.Object(
  { context: Type.String({ minLength: 1, description: "A field of the request's context." }) },
  { additionalProperties: false },
);

const NamedCondition = Type.Object(
  {
    in: Type.Optional(Type.Union([Values, FromContext], { description: 'The attribute has one of these values.' })),
    notIn: Type.Optional(Type.Union([Values, FromContext], { description: 'The attribute has none of these values.' })),
    min: Type.Optional(Type.Union([Type.Number(), FromContext], { description: 'Minimum of the attribute.' })),
    max: Type.Optional(Type.Union([Type.Number(), FromContext], { description: 'Maximum of the attribute.' })),
  },
  { additionalProperties: false },
);

/** Filters by name, as facet.yaml declares them. */
export const NamedFilters = Type.Record(
  Type.String(),
  Type.Object(
    { attributes: Type.Record(Type.String(), NamedCondition, { description: 'Conditions by attribute.' }) },
    { additionalProperties: false },
  ),
  { default: {}, description: 'Named filters on item attributes, for requests and arms.' },
);
export type NamedFilters = Static<typeof NamedFilters>;

export type FilterRequest = Static<Type.TObject<typeof filterFields>>;
export type RequestContext = NonNullable<FilterRequest['context']>;
export type ItemConditions = Pick<AttributeFilter, 'attributes'>;

/**
 * Returns the conditions that items must meet: those of the named filters, with values from the request's context, then the
 * request's own filter.
 *
 * @throws AppError `REQUEST_INVALID` for an undeclared filter name, and for a context field that is missing or has the wrong
 *   type.
 */
export function resolveFilters(
  { filters = [], filter, context = {} }: Omit<FilterRequest, 'filters'> & { readonly filters?: readonly string[] },
  named: NamedFilters,
): readonly ItemConditions[] {
  const resolved = filters.map((name, position) => {
    if (!Object.hasOwn(named, name)) {
      const known = Object.keys(named);
      throw requestError(`filters.${position} is ${JSON.stringify(name)}, which facet.yaml does not declare.`, {
        field: `filters.${position}`,
        remedy: known.length === 0 ? 'Declare it in serving.filters.' : `Use one of: ${known.join(', ')}.`,
      });
    }
    return {
      attributes: Object.fromEntries(
        Object.entries(named[name]!.attributes).map(([attribute, condition]) => [
          attribute,
          resolveCondition(condition, context, name),
        ]),
      ),
    };
  });
  return filter?.attributes === undefined ? resolved : [...resolved, { attributes: filter.attributes }];
}

function resolveCondition(
  condition: NamedFilters[string]['attributes'][string],
  context: RequestContext,
  filter: string,
): AttributeCondition {
  type FilterValues = NonNullable<AttributeCondition['in']>;
  const resolveList = (value: FilterValues | { readonly context: string } | undefined): FilterValues | undefined => {
    if (value === undefined || Array.isArray(value)) return value;
    const found = readContext(context, value.context, filter);
    return Array.isArray(found) ? found : [found];
  };
  const resolveNumber = (value: number | { readonly context: string } | undefined): number | undefined => {
    if (value === undefined || typeof value === 'number') return value;
    const found = readContext(context, value.context, filter);
    if (typeof found === 'number') return found;
    const field = `context.${value.context}`;
    throw requestError(`${field} must be a number for the filter ${filter}.`, { field });
  };
  return {
    in: resolveList(condition.in),
    notIn: resolveList(condition.notIn),
    min: resolveNumber(condition.min),
    max: resolveNumber(condition.max),
  };
}

function readContext(context: RequestContext, name: string, filter: string): RequestContext[string] {
  if (Object.hasOwn(context, name)) return context[name]!;
  const field = `context.${name}`;
  throw requestError(`${field} is missing. The filter ${filter} needs it.`, { field });
}
