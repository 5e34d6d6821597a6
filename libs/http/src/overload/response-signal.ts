import type { FastifyReply } from 'fastify';
import { problemError } from '../problems/problem.ts';

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
