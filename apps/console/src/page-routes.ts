import { fileURLToPath } from 'node:url';
import type { HttpApp } from '@facet/http';
import fastifyStatic from '@fastify/static';
import { pageRoots } from './pages.ts';

/** The built page. `npm run build` writes it. */
const pageFolder = fileURLToPath(new URL('../dist/page', import.meta.url));

const policy = Object.entries({
  'default-src': "'none'",
  'script-src': "'self'",
  // Charts write style elements and attributes. React escapes all data, so data cannot add any.
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data: blob:",
  'font-src': "'self'",
  'connect-src': "'self'",
  'worker-src': "'self' blob:",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
})
  .map(([name, value]) => `${name} ${value}`)
  .join('; ');

/** Serves the page without authentication: it contains no data. Assets have a hash in their name and never change. */
export async function addPageRoutes(app: HttpApp): Promise<void> {
  await app.register(fastifyStatic, { root: pageFolder, serve: false, preCompressed: true });
  // The script of the page shows the right part.
  for (const path of ['/', ...pageRoots.flatMap((root) => [root, `${root}/*`])]) {
    app.get(path, { config: { scope: 'open' } }, (_request, reply) =>
      reply
        .header('content-security-policy', policy)
        .header('cache-control', 'no-cache')
        .sendFile('index.html', { cacheControl: false }),
    );
  }
  app.get('/assets/*', { config: { scope: 'open' } }, (request, reply) => {
    const { '*': file } = request.params as { readonly '*': string };
    return reply.sendFile(`assets/${file}`, { maxAge: '1y', immutable: true });
  });
  app.get('/favicon.svg', { config: { scope: 'open' } }, (_request, reply) =>
    reply.sendFile('favicon.svg', { maxAge: '1d' }),
  );
}
