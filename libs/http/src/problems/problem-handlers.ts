import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { isAppError } from '@facet/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpApp } from '../http-app.ts';
import { describeProblem } from './describe-problem.ts';
import { isOfLoad, problemError } from './problem.ts';
import type { HttpProblemCode, ProblemCatalog } from './problem.ts';

/** A connection that cannot go on stays open so long for its last answer to be read. */
const lingerMs = 1_000;
/** Seconds after which a caller that was turned away may try again, where the error does not say. */
const retryAfterSecondsDefault = 1;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Answers every error and every unknown route in the one form. Routes must be added later. */
export function addProblemHandlers(app: HttpApp, catalog: ProblemCatalog): void {
  const routes: { readonly method: string; readonly pattern: RegExp }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, pattern: patternOf(url) });
  });
  app.setErrorHandler(createProblemSender(catalog));
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?');
    const there = new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
    const allowed = methods.filter((method) => there.has(method));
    if (allowed.length === 0) throw problemError('NOT_FOUND', `There is no ${request.method} ${path} here.`);
    reply.header('allow', allowed.join(', '));
    throw problemError('METHOD_NOT_ALLOWED', `${path} does not take ${request.method}.`, {
      remedy: `Use ${allowed.join(' or ')}.`,
    });
  });
}

/** The paths of a route: `:name` stands for a piece, `*` for any rest, and `::` for a colon. */
function patternOf(url: string): RegExp {
  const pattern = url.replaceAll(/::|:\w+|\*|[^\w/-]/g, (part) => {
    if (part === '::') return ':';
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : `\\${part}`;
  });
  return new RegExp(`^${pattern}$`);
}

export type ProblemSender = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

export function createProblemSender(catalog: ProblemCatalog): ProblemSender {
  return (error, request, reply) => {
    const problem = describeProblem(error, catalog, request.id);
    if (problem.code === 'INTERNAL') request.log.error({ err: error }, 'request failed');
    if (isOfLoad(problem.statusCode)) reply.header('retry-after', retryAfterSecondsOf(error));
    // A connection that is closed while a body arrives takes the answer with it: the rest is read, and dropped.
    if (problem.code === 'BODY_TOO_LARGE') reply.removeHeader('connection');
    reply.code(problem.statusCode).type('application/json; charset=utf-8').send(JSON.stringify(problem));
  };
}

function retryAfterSecondsOf(error: unknown): number {
  const seconds = isAppError(error) ? error.context['retryAfterSeconds'] : undefined;
  return typeof seconds === 'number' ? Math.max(1, Math.ceil(seconds)) : retryAfterSecondsDefault;
}

/** Answers what Node cannot read as HTTP at all, and closes the connection. */
export function createBrokenRequestHandler(catalog: ProblemCatalog) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const code = codeOfBrokenRequest(error.code);
    const problem = describeProblem(problemError(code, messages[code]), catalog, '');
    const body = JSON.stringify(problem);
    socket.end(
      `HTTP/1.1 ${problem.statusCode} ${STATUS_CODES[problem.statusCode]}\r\n` +
        `Content-Type: application/json; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
    setTimeout(() => socket.destroy(), lingerMs).unref();
  };
}

type BrokenRequestCode = Extract<HttpProblemCode, 'REQUEST_INVALID' | 'REQUEST_TIMED_OUT' | 'HEADERS_TOO_LARGE'>;

const messages: Readonly<Record<BrokenRequestCode, string>> = {
  REQUEST_INVALID: 'The request is not HTTP/1.1.',
  REQUEST_TIMED_OUT: 'The request did not arrive in time.',
  HEADERS_TOO_LARGE: 'The headers are larger than this API reads.',
};

function codeOfBrokenRequest(code: string | undefined): BrokenRequestCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMED_OUT';
  return code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'REQUEST_INVALID';
}
