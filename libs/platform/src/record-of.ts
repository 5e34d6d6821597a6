import { Type } from 'typebox';
import type { TRecord, TSchema, TSchemaOptions } from 'typebox';

/** Matches any text. A dot would not match line breaks, and `Type.Record` ignores fields that its pattern does not match. */
export const anyNamePattern = '^[\\s\\S]*$';

/** Returns the schema of an object with arbitrary field names and values of one schema. */
export function recordOf<Value extends TSchema>(
  value: Value,
  options: TSchemaOptions & { readonly maxProperties?: number } = {},
): TRecord<'^.*$', Value> {
  return Type.Record(Type.String({ pattern: anyNamePattern }), value, options) as never;
}
