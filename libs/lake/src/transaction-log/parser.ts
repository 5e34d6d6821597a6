import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

/**
 * Returns a parser of JSON with a schema. A field with `null` counts as absent. The parser throws an Error that says what is
 * damaged.
 *
 * @param name of the data in errors
 */
export function parserOf<Schema extends TSchema>(name: string, schema: Schema): (text: string) => Static<Schema> {
  const compiled = Compile(schema);
  return (text) => {
    const value: unknown = JSON.parse(text, (_, field: unknown) => field ?? undefined);
    if (compiled.Check(value)) return value;
    const [error] = compiled.Errors(value);
    throw new Error(`${name} is damaged: ${error?.instancePath ?? ''} ${error?.message ?? ''}`);
  };
}
