import { Compile } from 'typebox/schema';

type Json = Readonly<Record<string, unknown>>;

/** Keywords whose values are data instead of schemas. */
const dataKeywords: ReadonlySet<string> = new Set(['default', 'enum', 'const']);

/**
 * Returns the examples of an OpenAPI document that violate their schemas: of parameters, of bodies, of responses and of schemas.
 *
 * @returns each as its location in the document and its first violations
 */
export function findFaultyExamples(document: Json): string[] {
  const { components } = document;
  const faults: string[] = [];
  const check = (schema: unknown, examples: readonly unknown[], location: string): void => {
    if (examples.length === 0) return;
    const validator = Compile({ ...(schema as Json), components } as never);
    for (const example of examples) {
      if (validator.Check(example)) continue;
      const [, errors] = validator.Errors(example);
      const texts = errors.slice(0, 3).map(({ instancePath, message }) => `${instancePath} ${message}`);
      faults.push(`${location}: ${JSON.stringify(example)}: ${texts.join('; ')}`);
    }
  };
  const visit = (value: unknown, location: string): void => {
    if (typeof value !== 'object' || value === null) return;
    const { schema, example, examples } = value as Json;
    if (schema !== undefined) {
      const named = Array.isArray(examples)
        ? []
        : Object.values((examples ?? {}) as Record<string, { value: unknown }>);
      check(schema, [...(example === undefined ? [] : [example]), ...named.map((one) => one.value)], location);
    } else if (Array.isArray(examples)) check(value, examples, location);
    for (const [key, inner] of Object.entries(value)) {
      if (!dataKeywords.has(key) && key !== 'example' && key !== 'examples') visit(inner, `${location}/${key}`);
    }
  };
  visit(document, '');
  return faults;
}
