import { anyNamePattern } from '@facet/platform';
import type { Scope } from '@facet/platform';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { RouteOptions } from 'fastify';
import type { RouteAccess } from './access/access.ts';
import type { HttpApp } from './http-app.ts';
import { describeProblems } from './problems/describe-problems.ts';
import type { ProblemCatalog } from './problems/problem.ts';

/** The description of an API, in addition to the schemas of its routes. */
export interface Docs {
  readonly title: string;
  readonly description: string;
  /** The scope for the page and the document. A browser sends the key as a password. */
  readonly scope: Scope;
  /** The route groups of the app in addition to `operations`, in page order. */
  readonly tags?: readonly string[];
}

const docsPath = '/docs';

/** Returns the access of the documentation routes, or undefined for other routes. */
export function accessOfDocs({ url }: RouteOptions, docs: Docs | undefined): RouteAccess | undefined {
  const isDocs = url === docsPath || url.startsWith(`${docsPath}/`);
  return docs !== undefined && isDocs ? { scope: docs.scope, keySources: ['basic'] } : undefined;
}

/** The page loads everything from this server. Swagger UI writes style attributes. */
const contentSecurityPolicy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'font-src': "'self'",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

/**
 * Serves the OpenAPI 3.1 document (`/docs/json`) of all routes added later, and a page that shows it (`/docs`). Schemas with
 * a title become components of that name.
 *
 * @param errors the errors that every route of the app can throw
 */
export async function addDocs(
  app: HttpApp,
  { title, description, tags = [] }: Docs,
  errors: ProblemCatalog,
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title, version: '1', description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      tags: [...tags, 'operations'].map((name) => ({ name })),
      components: {
        securitySchemes: {
          apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
          bearer: { type: 'http', scheme: 'bearer' },
        },
      },
      security: [{ apiKey: [] }, { bearer: [] }],
    },
    refResolver: {
      buildLocalReference: (schema, _baseUri, _fragment, index) =>
        typeof schema['title'] === 'string' ? schema['title'] : `schema-${index}`,
    },
    transform: ({ schema, url, route: { config } }) => ({
      url,
      schema: {
        ...schema,
        response: {
          ...describeProblems({ ...errors, ...config?.errors }),
          ...(schema?.response as object | undefined),
        },
      },
    }),
    transformObject: (made) => ('openapiObject' in made ? nameSchemas(made.openapiObject) : made.swaggerObject),
  });
  await app.register(swaggerUi, {
    routePrefix: docsPath,
    staticCSP: contentSecurityPolicy,
    theme: { title },
    uiConfig: { tryItOutEnabled: true },
  });
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Keywords whose values are data instead of schemas. */
const dataKeywords: ReadonlySet<string> = new Set(['example', 'examples', 'default', 'enum', 'const']);
const namePattern = /^[A-Z][A-Za-z]+$/;
/** JSON Schema writes a record as a pattern for any name. Readers of OpenAPI expect `additionalProperties`. */
const anyNames = ['^.*$', anyNamePattern];

/**
 * Moves each schema with a title to a component of that name and replaces it by a reference.
 *
 * @throws Error if two different schemas have the same title.
 */
function nameSchemas<T extends object>(document: T): T {
  const { paths = {}, components = {} } = document as {
    paths?: Json;
    components?: { schemas?: Readonly<Record<string, Json>> };
  };
  const named = new Map<string, Json>();

  function visit(value: Json): Json {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    const { title: ownTitle, description, documentedAs } = value as Readonly<Record<string, Json>>;
    // Another schema that accepts the same values and says more about them.
    if (typeof documentedAs === 'object') {
      return visit({ title: ownTitle!, description: description!, ...documentedAs });
    }
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
