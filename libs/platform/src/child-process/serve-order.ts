import { isAppError } from '../errors.ts';
import type { ChildMessage, SentError } from './messages.ts';

/** Runs in the child of `runChild`: receives one order, executes it, sends the result, and exits. */
export function serveOrder<Order, Result, Progress = never>(
  execute: (order: Order, onProgress: (progress: Progress) => void) => Promise<Result>,
): void {
  const send = (message: ChildMessage<Result, Progress>): Promise<void> =>
    new Promise((resolve) => process.send!(message, undefined, undefined, () => resolve()));
  process.once('message', (order) => {
    execute(order as Order, (progress) => void send({ type: 'progress', progress }))
      .then((result) => send({ type: 'done', result }))
      .catch((error: unknown) => send({ type: 'failed', error: toSentError(error) }))
      .finally(() => process.exit(0));
  });
  void send({ type: 'ready' });
}

function toSentError(error: unknown): SentError {
  if (isAppError(error)) {
    const { message, code, category, remedy, retryable } = error;
    return { message, code, category, remedy, retryable };
  }
  const { message = String(error), code, stack } = error as NodeJS.ErrnoException;
  process.stderr.write(`${stack ?? message}\n`);
  // Unknown errors are retried: most of them are outages, and a bug only costs the remaining attempts.
  return { message, code: code ?? 'UNEXPECTED', category: 'internal', retryable: true };
}
