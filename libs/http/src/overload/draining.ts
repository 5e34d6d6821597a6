import type { HttpApp } from '../http-app.ts';
import { problemError } from '../problems/problem.ts';

/** From the start of closing on, what still arrives on open connections is refused, and every answer ends its connection. */
export function addDraining(app: HttpApp): void {
  let isClosing = false;
  app.addHook('preClose', async () => void (isClosing = true));
  app.addHook('onRequest', async () => {
    if (isClosing) throw problemError('CLOSING', 'This server is shutting down.');
  });
  app.addHook('onSend', async (_request, reply) => {
    // Callers would keep it open for the next request, and closing would wait for them.
    if (isClosing) reply.header('connection', 'close');
  });
}
