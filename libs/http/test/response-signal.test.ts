import { expect, test } from 'vitest';
import { responseSignal } from '../src/index.ts';
import { createTestApp } from './fixtures.ts';

/** Starts an app whose route `POST /work` waits until its signal aborts. */
async function startWork() {
  const signals: AbortSignal[] = [];
  const { app } = await createTestApp({
    addRoutes: (app) =>
      app.post('/work', { config: { scope: 'serve' }, handlerTimeout: 500 }, async ({ body }, reply) => {
        const signal = responseSignal(reply);
        signals.push(signal);
        if ((body as { isShort?: boolean }).isShort === true) return { wasAborted: signal.aborted };
        return new Promise((resolve) => signal.addEventListener('abort', resolve));
      }),
  });
  const url = await app.listen({ port: 0 });
  const send = (body: object, signal?: AbortSignal): Promise<Response> =>
    fetch(`${url}/work`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
  return { send, signals };
}

test('aborts when the response times out, and not when the body has been read', async () => {
  const { send, signals } = await startWork();
  expect(await (await send({ isShort: true })).json()).toEqual({ wasAborted: false });
  expect(await (await send({})).json()).toMatchObject({ code: 'RESPONSE_TIMED_OUT' });
  await expect.poll(() => signals[1]?.aborted).toBe(true);
});

test('aborts when the caller leaves', { tags: 'full' }, async () => {
  const { send, signals } = await startWork();
  const leaving = new AbortController();
  const left = send({}, leaving.signal).catch(() => 'left');
  await expect.poll(() => signals.length).toBe(1);
  leaving.abort();
  expect(await left).toBe('left');
  await expect.poll(() => signals[0]?.aborted).toBe(true);
});
