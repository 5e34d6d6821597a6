import type { Scope } from '@facet/platform';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { RouteOptions } from 'fastify';
import type { RouteAccess } from '../access/access.ts';
import type { HttpApp } from '../http-app.ts';
import { nameSchemas } from './name-schemas.ts';

/** What an API says of itself, beside the schemas of its routes. */
export interface Docs {
  readonly title: string;
  readonly description: string;
  /** What is asked for the page; a browser sends the key as a password. */
  readonly scope: Scope;
  /** The groups of routes that the app has beside `operations`, in the order of the page. */
  readonly tags?: readonly string[];
}

/** Where an API describes itself. */
const docsPath = '/docs';

/** What the page and the document ask for. Undefined for other routes, and without docs. */
export function accessOfDocs({ url }: RouteOptions, docs: Docs | undefined): RouteAccess | undefined {
  const isDocs = url === docsPath || url.startsWith(`${docsPath}/`);
  return docs !== undefined && isDocs ? { scope: docs.scope, keyPlaces: ['basic'] } : undefined;
}

/** Everything that the page needs comes from this server. Swagger UI writes style attributes. */
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
 * Serves the OpenAPI 3.1 document of all routes that are added later (`/docs/json`), and a page that shows it (`/docs`).
 * Schemas that have a title are components of it under that name.
 */
export async function addDocs(app: HttpApp, { title, description, tags = [] }: Docs): Promise<void> {
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
    transformObject: (made) => ('openapiObject' in made ? nameSchemas(made.openapiObject) : made.swaggerObject),
  });
  await app.register(swaggerUi, {
    routePrefix: docsPath,
    staticCSP: contentSecurityPolicy,
    theme: { title },
    uiConfig: { tryItOutEnabled: true },
  });
}
