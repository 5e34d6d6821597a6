import type { HttpApp, RouteAccess } from '@facet/http';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { RouteOptions } from 'fastify';

/** Where the API describes itself. */
const docsPath = '/docs';

/** What the pages ask for; a browser sends the key as a password. Undefined for other routes. */
export function accessOfDocs({ url }: RouteOptions): RouteAccess | undefined {
  const isDocs = url === docsPath || url.startsWith(`${docsPath}/`);
  return isDocs ? { scope: 'serve', keyPlaces: ['basic'] } : undefined;
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

/** Serves the OpenAPI 3.1 document of all routes that are added later, and a page that shows it. */
export async function addDocs(app: HttpApp): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Facet serving',
        version: '1',
        description: 'Recommendations from the several interests of a user, and the reasons for them.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [{ name: 'recommendations' }, { name: 'operations' }],
      components: {
        securitySchemes: {
          apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
          bearer: { type: 'http', scheme: 'bearer' },
        },
      },
      security: [{ apiKey: [] }, { bearer: [] }],
    },
  });
  await app.register(swaggerUi, {
    routePrefix: docsPath,
    staticCSP: contentSecurityPolicy,
    theme: { title: 'Facet serving' },
    uiConfig: { tryItOutEnabled: true },
  });
}
