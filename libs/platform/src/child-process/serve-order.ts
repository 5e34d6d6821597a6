import { toSentError } from './messages.ts';
import type { ChildMessage } from './messages.ts';

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
