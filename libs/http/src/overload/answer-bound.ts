import type { HttpApp } from '../http-app.ts';
import { problemError } from '../problems/problem.ts';

/**
 * Answers 503 `ANSWER_TIMED_OUT` where an answer takes longer, counted from the end of the headers; a route with a
 * `handlerTimeout` may take that long. (That of Fastify 5.12 ends when a body has been read, before the work on it begins.)
 */
export function addAnswerBound(app: HttpApp, answerMsMax: number): void {
  app.addHook('onRequest', (request, reply, done) => {
    const timer = setTimeout(() => {
      if (reply.sent) return;
      // Of an answer that has begun the caller can only be told by its end.
      if (reply.raw.headersSent) reply.raw.destroy();
      else reply.send(problemError('ANSWER_TIMED_OUT', 'The answer took too long and was given up.'));
    }, request.routeOptions.handlerTimeout || answerMsMax);
    timer.unref();
    reply.raw.once('close', () => clearTimeout(timer));
    done();
  });
}
