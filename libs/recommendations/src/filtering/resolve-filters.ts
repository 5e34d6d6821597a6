import type { AttributeCondition, AttributeFilter } from '@facet/bundles';
import type { Static, TObject } from 'typebox';
import { requestError } from '../request-error.ts';
import type { filterFields, NamedFilters } from './filter-fields.ts';

export type FilterRequest = Static<TObject<typeof filterFields>>;

type Context = NonNullable<FilterRequest['context']>;

/**
 * What the items must meet: the named filters, with what they take from the context of the request, and the request's own.
 * Undefined when there is no condition.
 *
 * @throws AppError `REQUEST_INVALID` for a name that facet.yaml does not declare, or a field of the context that is missing
 *   or of another type.
 */
export function resolveFilters(
  { filters = [], filter, context = {} }: Omit<FilterRequest, 'filters'> & { readonly filters?: readonly string[] },
  named: NamedFilters,
): readonly Pick<AttributeFilter, 'attributes'>[] {
  const resolved = filters.map((name, position) => {
    if (!Object.hasOwn(named, name)) {
      const known = Object.keys(named);
      throw requestError(`filters.${position} names ${JSON.stringify(name)}, which facet.yaml does not declare.`, {
        field: `filters.${position}`,
        remedy: known.length === 0 ? 'None is declared.' : `Declared are: ${known.join(', ')}.`,
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
  context: Context,
  filter: string,
): AttributeCondition {
  const list = (
    value: NonNullable<AttributeCondition['in']> | { readonly context: string },
  ): NonNullable<AttributeCondition['in']> => {
    if (Array.isArray(value)) return value;
    const found = fieldOf(context, value.context, filter);
    return Array.isArray(found) ? found : [found];
  };
  const number = (value: number | { readonly context: string }): number => {
    if (typeof value === 'number') return value;
    const found = fieldOf(context, value.context, filter);
    if (typeof found === 'number') return found;
    const field = `context.${value.context}`;
    throw requestError(`${field} must be a number for the filter ${filter}.`, { field });
  };
  return {
    ...(condition.in === undefined ? {} : { in: list(condition.in) }),
    ...(condition.notIn === undefined ? {} : { notIn: list(condition.notIn) }),
    ...(condition.min === undefined ? {} : { min: number(condition.min) }),
    ...(condition.max === undefined ? {} : { max: number(condition.max) }),
  };
}

function fieldOf(context: Context, name: string, filter: string): Context[string] {
  if (Object.hasOwn(context, name)) return context[name]!;
  const field = `context.${name}`;
  throw requestError(`${field} is missing: the filter ${filter} needs it.`, { field });
}
