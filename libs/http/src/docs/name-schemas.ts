import { anyNamePattern } from '@facet/platform';

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Keywords whose values are data, not schemas. */
const dataKeywords: ReadonlySet<string> = new Set(['example', 'examples', 'default', 'enum', 'const']);
const namePattern = /^[A-Z][A-Za-z]+$/;
/** Any name: how records are written in a JSON Schema, where most readers of OpenAPI look for `additionalProperties`. */
const anyNames = ['^.*$', anyNamePattern];

/**
 * Makes each schema that has a title a component of that name, and refers to it wherever it stands.
 *
 * @throws Error when two different schemas have the same title.
 */
export function nameSchemas<T extends object>(document: T): T {
  const { paths = {}, components = {} } = document as { paths?: Json; components?: { schemas?: Json } };
  const named = new Map<string, Json>();

  function visit(value: Json): Json {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    const visited: Record<string, Json> = {};
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'patternProperties' && isRecordOfAny(inner)) {
        visited['additionalProperties'] = visit(Object.values(inner)[0]!);
      } else visited[key] = dataKeywords.has(key) ? inner : visit(inner);
    }
    const { title, ...schema } = visited;
    if (typeof title !== 'string' || !namePattern.test(title)) return visited;
    const known = named.get(title);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
      throw new Error(`Two schemas of the API have the title ${title}.`);
    }
    named.set(title, schema);
    return { $ref: `#/components/schemas/${title}` };
  }

  const schemas = Object.fromEntries(
    Object.entries(components.schemas ?? {}).map(([name, schema]) => [name, visit(withoutTitle(schema))]),
  );
  const namedPaths = visit(paths);
  const all = Object.entries({ ...schemas, ...Object.fromEntries(named) });
  return {
    ...document,
    components: { ...components, schemas: Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1))) },
    paths: namedPaths,
  };
}

function withoutTitle(schema: Json): Json {
  return Object.fromEntries(Object.entries(schema as Record<string, Json>).filter(([keyword]) => keyword !== 'title'));
}

function isRecordOfAny(value: Json): value is { readonly [name: string]: Json } {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length === 1 &&
    anyNames.some((name) => Object.hasOwn(value, name))
  );
}
