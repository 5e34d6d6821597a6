import { filterOperators, operatorNames } from '@facet/bundles/filter-operators';
import type { AttributeCondition, FilterValue, OperatorName } from '@facet/bundles/filter-operators';
import { AttributeFilter, FilterValueSchema, conditionSchema, operandSchemas } from '@facet/bundles/filters';
import { recordOf } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { requestError } from './request-fields.ts';

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

const ContextValue = Type.Unsafe<FilterValue | FilterValue[]>(Type.Union([FilterValueSchema, operandSchemas.values]));

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

type NamedCondition = {
  [Name in OperatorName]?: NonNullable<AttributeCondition[Name]> | Static<typeof FromContext>;
};
const NamedCondition = conditionSchema<NamedCondition>((operand) => Type.Union([operand, FromContext]));

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

function resolveCondition(condition: NamedCondition, context: RequestContext, filter: string): AttributeCondition {
  const resolved = operatorNames.flatMap((name) => {
    const operand = condition[name];
    if (operand === undefined) return [];
    if (typeof operand !== 'object' || Array.isArray(operand)) return [[name, operand]];
    const found = readContext(context, operand.context, filter);
    if (filterOperators[name].operand === 'values') return [[name, [found].flat()]];
    if (typeof found === 'number') return [[name, found]];
    const field = `context.${operand.context}`;
    throw requestError(`${field} must be a number for the filter ${filter}.`, { field });
  });
  return Object.fromEntries(resolved) as AttributeCondition;
}

function readContext(context: RequestContext, name: string, filter: string): RequestContext[string] {
  if (Object.hasOwn(context, name)) return context[name]!;
  const field = `context.${name}`;
  throw requestError(`${field} is missing. The filter ${filter} needs it.`, { field });
}
