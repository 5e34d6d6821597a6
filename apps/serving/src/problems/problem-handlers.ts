import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServingApp } from '../serving-app.ts';
import { describeProblem } from './describe-problem.ts';
import { problemError, retryAfterSeconds } from './problem.ts';
import type { ProblemCode } from './problem.ts';

/** Answers every error and every unknown route in the one form. */
export function addProblemHandlers(app: ServingApp): void {
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?');
    const allowed = (['GET', 'HEAD', 'POST'] as const).filter((method) => app.hasRoute({ method, url: path }));
    if (allowed.length === 0) {
      throw problemError('NOT_FOUND', `There is no ${request.method} ${path} here.`, { remedy: 'See /docs.' });
    }
    reply.header('allow', allowed.join(', '));
    throw problemError('METHOD_NOT_ALLOWED', `${path} does not take ${request.method}.`, {
      remedy: `Use ${allowed.join(' or ')}.`,
    });
  });
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = describeProblem(error, request.id);
  if (problem.code === 'INTERNAL') request.log.error({ err: error }, 'request failed');
  if (problem.statusCode === 503) reply.header('retry-after', retryAfterSeconds);
  if (problem.code === 'CLOSING') reply.header('connection', 'close');
  reply.code(problem.statusCode).type('application/json; charset=utf-8').send(JSON.stringify(problem));
}

/** Answers what Node cannot read as HTTP at all, and closes the connection. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = codeOfBrokenRequest(error.code);
  const { statusCode, ...problem } = describeProblem(problemError(code, messages[code]), '');
  const body = JSON.stringify({ statusCode, ...problem });
  socket.end(
    `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

type BrokenRequestCode = Extract<ProblemCode, 'REQUEST_INVALID' | 'REQUEST_TIMED_OUT' | 'HEADERS_TOO_LARGE'>;

const messages: Readonly<Record<BrokenRequestCode, string>> = {
  REQUEST_INVALID: 'The request is not HTTP/1.1.',
  REQUEST_TIMED_OUT: 'The request did not arrive in time.',
  HEADERS_TOO_LARGE: 'The headers are larger than this API reads.',
};

function codeOfBrokenRequest(code: string | undefined): BrokenRequestCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMED_OUT';
  return code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'REQUEST_INVALID';
}
