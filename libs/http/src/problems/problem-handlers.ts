import { channel } from 'node:diagnostics_channel';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { httpStatusOf, isAppError } from '@facet/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpApp } from '../http-app.ts';
import { isOfLoad, problemError } from './problem.ts';
import type { HttpProblemCode, Problem, ProblemCatalog } from './problem.ts';

/** A broken connection stays open this long, so that the caller can read its last response. */
const lingerMs = 1_000;
const retryAfterSecondsDefault = 1;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

type DeclaredRoutes = ReturnType<typeof createDeclaredRoutes>;

/** Creates the list of the declared routes of an app. */
export function createDeclaredRoutes() {
  const routes: { readonly method: string; readonly pattern: RegExp }[] = [];
  return {
    add({ method, url }: { readonly method: string | readonly string[]; readonly url: string }): void {
      for (const one of [method].flat()) routes.push({ method: one, pattern: createPathPattern(url) });
    },
    /** Returns the problem of a request without a route, and the methods of its path. */
    describeMissing(method: string, url: string): { readonly error: Error; readonly allowed: readonly string[] } {
      const [path = ''] = url.split('?');
      const declared = new Set(routes.filter(({ pattern }) => pattern.test(path)).map((route) => route.method));
      const allowed = methods.filter((one) => declared.has(one));
      // A route may also report that its resource does not exist.
      const isMissing = allowed.length === 0 || declared.has(method);
      if (isMissing) return { error: problemError('NOT_FOUND', `There is no route ${method} ${path}.`), allowed: [] };
      const remedy = `Use ${allowed.join(' or ')}.`;
      return { error: problemError('METHOD_NOT_ALLOWED', `${path} does not support ${method}.`, { remedy }), allowed };
    },
  };
}

/** Responds to every error and every unknown route with a problem. Add the routes afterwards. */
export function addProblemHandlers(app: HttpApp, catalog: ProblemCatalog, routes: DeclaredRoutes): void {
  app.addHook('onRoute', (route) => routes.add(route));
  app.setErrorHandler(createProblemSender(catalog));
  app.setNotFoundHandler((request, reply) => {
    throw describeMissing(routes, request, reply);
  });
}

/** Refuses requests without a route before their body is read, which may have a type that no route reads. */
export function addMissingRouteRefusal(app: HttpApp, routes: DeclaredRoutes): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) throw describeMissing(routes, request, reply);
  });
}

function describeMissing(routes: DeclaredRoutes, { method, url }: FastifyRequest, reply: FastifyReply): Error {
  const { error, allowed } = routes.describeMissing(method, url);
  if (allowed.length > 0) reply.header('allow', allowed.join(', '));
  return error;
}

/** Returns a pattern for the paths of a route. In its URL, `:name` is one segment, `*` any rest, and `::` a colon. */
function createPathPattern(url: string): RegExp {
  const pattern = url.replaceAll(/::|:\w+|\*|[^\w/-]/g, (part) => {
    if (part === '::') return ':';
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : `\\${part}`;
  });
  return new RegExp(`^${pattern}$`);
}

/** Publishes each undeclared error code: neither the route that responds with it nor its app declares the code. Tests subscribe. */
const undeclaredErrors = channel('facet:undeclared-error');

export function createProblemSender(catalog: ProblemCatalog) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const declared = { ...catalog, ...request.routeOptions.config.errors };
    const problem = describeProblem(error, declared, request.id);
    const { code } = problem;
    if (code === 'INTERNAL') request.log.error({ err: error }, 'request failed');
    else if (!Object.hasOwn(declared, code)) {
      const route = `${request.method} ${request.routeOptions.url}`;
      request.log.error({ err: error, code, route }, 'request failed with an undeclared error');
      undeclaredErrors.publish(`${route}: ${code}`);
    }
    if (isOfLoad(problem.statusCode)) reply.header('retry-after', getRetryAfterSeconds(error));
    // Closing the connection while the body arrives would lose the response, so the rest is read and dropped.
    if (problem.code === 'BODY_TOO_LARGE') reply.removeHeader('connection');
    reply.code(problem.statusCode).type('application/json; charset=utf-8').send(JSON.stringify(problem));
  };
}

function getRetryAfterSeconds(error: unknown): number {
  const seconds = isAppError(error) ? error.context['retryAfterSeconds'] : undefined;
  return typeof seconds === 'number' ? Math.max(1, Math.ceil(seconds)) : retryAfterSecondsDefault;
}

type BrokenRequestCode = Extract<HttpProblemCode, 'REQUEST_INVALID' | 'REQUEST_TIMED_OUT' | 'HEADERS_TOO_LARGE'>;

const brokenRequestMessages: Readonly<Record<BrokenRequestCode, string>> = {
  REQUEST_INVALID: 'The request is not HTTP/1.1.',
  REQUEST_TIMED_OUT: 'The request did not arrive in time.',
  HEADERS_TOO_LARGE: 'The headers exceed the limit of this API.',
};

/** A request line with a method that Node does not know. */
const requestLine = /^(?<method>[!#$%&'*+.^`|~\w-]{1,64}) (?<url>\/\S{0,8000}) HTTP\/1\.[01]\r?\n/;

/**
 * Responds to requests that Node cannot parse as HTTP, and closes the connection. A method that Node does not know, such as `get`, gets
 * the response of any other method that its path does not have.
 */
export function createBrokenRequestHandler(catalog: ProblemCatalog, routes: DeclaredRoutes) {
  return (error: NodeJS.ErrnoException & { readonly rawPacket?: unknown }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const line = error.code === 'HPE_INVALID_METHOD' ? requestLine.exec(String(error.rawPacket)) : null;
    const code = codeOfBrokenRequest(error.code);
    const { error: refused, allowed } =
      line === null
        ? { error: problemError(code, brokenRequestMessages[code]), allowed: [] }
        : routes.describeMissing(line.groups!['method']!, line.groups!['url']!);
    const problem = describeProblem(refused, catalog, '');
    const body = JSON.stringify(problem);
    socket.end(
      `HTTP/1.1 ${problem.statusCode} ${STATUS_CODES[problem.statusCode]}\r\n` +
        (allowed.length === 0 ? '' : `Allow: ${allowed.join(', ')}\r\n`) +
        `Content-Type: application/json; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
    setTimeout(() => socket.destroy(), lingerMs).unref();
  };
}

function codeOfBrokenRequest(code: string | undefined): BrokenRequestCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMED_OUT';
  return code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'REQUEST_INVALID';
}

/** Replacements for Fastify's own errors. */
const problemOfFastifyError: Readonly<
  Record<string, { readonly code: HttpProblemCode; readonly message: string; readonly remedy?: string }>
> = {
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'BODY_NOT_JSON', message: 'The body is not valid JSON.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'BODY_NOT_JSON',
    message: 'The length of the body differs from Content-Length.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    code: 'BODY_NOT_JSON',
    message: 'The body is empty.',
    remedy: 'Send JSON, at least {}.',
  },
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'BODY_TOO_LARGE', message: 'The body exceeds the limit of this API.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'BODY_TYPE_UNSUPPORTED',
    message: 'This API does not support the type of the body.',
  },
  FST_ERR_BAD_URL: { code: 'REQUEST_INVALID', message: 'The URL is malformed.', remedy: 'Encode it as in RFC 3986.' },
};

/**
 * Returns the problem that callers see for an error. An `AppError` outside the catalog shows only its code and the status of its
 * category. Other errors are masked. The log contains the whole error under the request id.
 */
export function describeProblem(error: unknown, catalog: ProblemCatalog, requestId: string): Problem {
  if (isAppError(error) && Object.hasOwn(catalog, error.code)) {
    const { code, message, remedy, context } = error;
    const { field } = context;
    const problem = createProblem(catalog, code, message, remedy);
    return typeof field === 'string' ? { ...problem, field } : problem;
  }
  const { code, statusCode } = readFastifyError(error);
  const known = problemOfFastifyError[code];
  if (known !== undefined) return createProblem(catalog, known.code, known.message, known.remedy);
  // Other refusals of Fastify and its plugins are faults of the caller, too.
  if (error instanceof Error && statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { statusCode, code: 'REQUEST_INVALID', message: error.message };
  }
  const remedy = `Search the server's log for the request id ${requestId}.`;
  if (isAppError(error) && error.category !== 'internal') {
    return { statusCode: httpStatusOf(error), code: error.code, message: `The request failed: ${error.code}.`, remedy };
  }
  return createProblem(catalog, 'INTERNAL', 'The request failed because of an internal error.', remedy);
}

function createProblem(catalog: ProblemCatalog, code: string, message: string, remedy: string | undefined): Problem {
  const kind = catalog[code]!;
  return { statusCode: kind.status, code, message, remedy: remedy ?? kind.remedy };
}

function readFastifyError(error: unknown): { code: string; statusCode: number | undefined } {
  const { code, statusCode } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  return { code: String(code), statusCode: typeof statusCode === 'number' ? statusCode : undefined };
}
