import type { IncomingHttpHeaders } from 'node:http';
import underPressure from '@fastify/under-pressure';
import type { FastifyReply } from 'fastify';
import type { HttpApp } from '../http-app.ts';
import { problemError } from '../problems/problem.ts';
import type { ProblemCatalog } from '../problems/problem.ts';
import { describeProblem } from '../problems/problem-handlers.ts';
import { overloaded } from './admission.ts';
import type { Admission } from './admission.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether the request was refused before any work was done for it. */
    isTurnedAway: boolean;
  }
}

/**
 * Refuses requests with the scope `serve` at the limit, as soon as their headers are read. An overloaded server must not
 * spend its time on refusals, so no key is checked, no body is read, and the response is prepared in advance.
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

/**
 * Refuses requests to `/v1/…` while the mean delay of the event loop over one second is too high. Probes and metrics still
 * respond, so that a busy process does not look dead.
 *
 * @param options.eventLoopDelayMsMax `Infinity` refuses nothing. Every finite limit refuses after a second without any turn.
 */
export async function addPressureRelief(
  app: HttpApp,
  { eventLoopDelayMsMax }: { readonly eventLoopDelayMsMax: number },
): Promise<void> {
  if (eventLoopDelayMsMax === Infinity) return;
  await app.register(underPressure, {
    maxEventLoopDelay: eventLoopDelayMsMax,
    pressureHandler: (request) => {
      if (request.routeOptions.url?.startsWith('/v1/') === true) throw overloaded();
    },
  });
}

/** Returns whether the app refuses requests to `/v1/…` because of the delay of the event loop. */
export function isUnderPressure(app: HttpApp): boolean {
  return app.hasDecorator('isUnderPressure') && app.isUnderPressure();
}

/**
 * Bounds the total size of bodies that arrive at the same time, by their announced lengths. A slow body stays in memory until
 * it is complete.
 */
export function addArrivalBound(
  app: HttpApp,
  { arrivingBytesMax, bodyBytesMax }: { readonly arrivingBytesMax: number; readonly bodyBytesMax: number },
): void {
  let arrivingBytes = 0;
  app.addHook('onRequest', async ({ raw, headers }, reply) => {
    const bytes = Math.min(readAnnouncedBytes(headers), bodyBytesMax);
    // A single body of any size is admitted. Otherwise it could never be sent.
    if (arrivingBytes > 0 && arrivingBytes + bytes > arrivingBytesMax) throw overloaded();
    arrivingBytes += bytes;
    let isArriving = true;
    const release = (): void => {
      if (isArriving) arrivingBytes -= bytes;
      isArriving = false;
    };
    // Injected requests never emit "close"; their replies do.
    raw.once('close', release);
    reply.raw.once('close', release);
  });
}

function readAnnouncedBytes(headers: IncomingHttpHeaders): number {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Infinity;
}

/**
 * Responds with 503 `RESPONSE_TIMED_OUT` when a response takes too long, counted from the end of the headers. The
 * `handlerTimeout` of a route overrides the bound. (Fastify 5.12 ends its own handlerTimeout when the body has been read.)
 */
export function addResponseTimeout(app: HttpApp, responseMsMax: number): void {
  app.addHook('onRequest', (request, reply, done) => {
    const timer = setTimeout(() => {
      if (reply.sent) return;
      // After the headers are sent, only closing the connection tells the caller.
      if (reply.raw.headersSent) reply.raw.destroy();
      else reply.send(problemError('RESPONSE_TIMED_OUT', 'The response took too long and was canceled.'));
    }, request.routeOptions.handlerTimeout || responseMsMax);
    timer.unref();
    reply.raw.once('close', () => clearTimeout(timer));
    done();
  });
}

/** While the app closes, refuses requests on open connections and closes each connection after its response. */
export function addDraining(app: HttpApp): void {
  let isClosing = false;
  app.addHook('preClose', async () => void (isClosing = true));
  app.addHook('onRequest', async () => {
    if (isClosing) throw problemError('CLOSING', 'This server is shutting down.');
  });
  app.addHook('onSend', async (_request, reply) => {
    // Closing would wait for connections that callers keep open for their next request.
    if (isClosing) reply.header('connection', 'close');
  });
}

/**
 * Returns a signal that aborts when the work of a request is no longer needed: its caller has left, or it was answered,
 * such as with `RESPONSE_TIMED_OUT`. (`request.signal` of Fastify 5.12 aborts when the body has been read.)
 */
export function responseSignal({ raw }: Pick<FastifyReply, 'raw'>): AbortSignal {
  const ended = new AbortController();
  const end = (): void => ended.abort(problemError('RESPONSE_TIMED_OUT', 'The request has ended.'));
  if (raw.closed) end();
  else raw.once('close', end);
  return ended.signal;
}
