import type { HttpApp } from '../http-app.ts';
import { describeProblem } from '../problems/describe-problem.ts';
import type { ProblemCatalog } from '../problems/problem.ts';
import { overloaded } from './admission.ts';
import type { Admission } from './admission.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether nothing was done for it because there was too much to do. */
    isTurnedAway: boolean;
  }
}

/**
 * Turns requests for work away as soon as their headers are read, while there is no room: a server that has too much to do
 * must not spend its time on refusals. So this is the first that looks at a request, no key is checked, no body is read, and the
 * answer is made beforehand.
 */
export function addEarlyRefusal(app: HttpApp, admission: Admission, catalog: ProblemCatalog): void {
  const problem = describeProblem(overloaded(), catalog, '');
  const body = JSON.stringify(problem);
  app.addHook('onRequest', (request, reply, done) => {
    const { url = '', config } = request.routeOptions;
    const isWork = config.scope === 'serve' && url.startsWith('/v1/');
    const retryAfterSeconds = isWork ? admission.refuse() : undefined;
    if (retryAfterSeconds === undefined) {
      done();
      return;
    }
    request.isTurnedAway = true;
    void reply
      .code(problem.statusCode)
      .header('retry-after', retryAfterSeconds)
      .type('application/json; charset=utf-8')
      .send(body);
  });
}
