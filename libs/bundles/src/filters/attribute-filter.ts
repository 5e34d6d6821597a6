import { recordOf } from '@facet/platform';
import { Type } from 'typebox';
import type { Static, TSchema, TSchemaOptions, TUnsafe } from 'typebox';
import { filterOperators, operatorNames } from './filter-operators.ts';
import type { AttributeCondition, Operands } from './filter-operators.ts';

/** Limits the cost of one filter. */
const [valuesMax, attributesMax] = [1000, 32];

/** The schema of {@link FilterValue}. */
export const FilterValueSchema = Type.Union([Type.String(), Type.Number(), Type.Boolean()], { title: 'FilterValue' });

/** The schemas of operands, by kind. */
export const operandSchemas: { readonly [Kind in keyof Operands]: TSchema } = {
  values: Type.Array(FilterValueSchema, { maxItems: valuesMax }),
  number: Type.Number(),
};

/** Returns the schema of an object with an optional field for each operator. */
export function conditionSchema<Condition>(
  schemaOf: (operand: TSchema) => TSchema,
  options: TSchemaOptions = {},
): TUnsafe<Condition> {
  const fields = operatorNames.map((name) => {
    const { operand, description } = filterOperators[name];
    return [name, Type.Optional({ ...schemaOf(operandSchemas[operand]), description })];
  });
  return Type.Unsafe<Condition>(Type.Object(Object.fromEntries(fields), { ...options, additionalProperties: false }));
}

const ConditionSchema = conditionSchema<AttributeCondition>((operand) => operand, { title: 'AttributeCondition' });

/** Selects items by their attributes. An item without the attribute fails `in`, `min` and `max`, and passes `notIn`. */
export const AttributeFilter = Type.Object(
  {
    attributes: Type.Optional(
      recordOf(ConditionSchema, {
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
