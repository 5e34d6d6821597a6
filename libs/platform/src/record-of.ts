import { Type } from 'typebox';
import type { TRecord, TSchema, TSchemaOptions } from 'typebox';

/** Matches any text. A dot does not match line breaks, and `Type.Record` takes no notice of fields whose names have one. */
export const anyNamePattern = '^[\\s\\S]*$';

/** An object whose fields may have any name, and have one kind of value. */
export function recordOf<Value extends TSchema>(
  value: Value,
  options: TSchemaOptions & { readonly maxProperties?: number } = {},
): TRecord<'^.*$', Value> {
  return Type.Record(Type.String({ pattern: anyNamePattern }), value, options) as never;
}
