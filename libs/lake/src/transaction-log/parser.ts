import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

/**
 * Returns a function that checks values against a schema, and throws an Error that says what is damaged.
 *
 * @param name the noun for the data in errors
 */
export function checkerOf<Schema extends TSchema>(name: string, schema: Schema): (value: unknown) => Static<Schema> {
  const compiled = Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return value;
    const [error] = compiled.Errors(value);
    throw new Error(`${name} is invalid: ${error?.instancePath ?? ''} ${error?.message ?? ''}`);
  };
}

/** Parses JSON. Omits fields whose value is `null`. */
export function parseJsonWithoutNulls(text: string): unknown {
  // A reviver is slow.
  return /\bnull\b/.test(text) ? JSON.parse(text, (_, field: unknown) => field ?? undefined) : JSON.parse(text);
}

/** Returns a parser of JSON with a schema. It omits fields whose value is `null`, and throws an Error that says what is damaged. */
export function parserOf<Schema extends TSchema>(name: string, schema: Schema): (text: string) => Static<Schema> {
  const check = checkerOf(name, schema);
  return (text) => check(parseJsonWithoutNulls(text));
}
