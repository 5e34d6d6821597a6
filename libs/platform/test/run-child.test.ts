import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AppError } from '../src/errors.ts';
import { runChild } from '../src/child-process.ts';
import type { ChildOptions } from '../src/child-process.ts';

/** Executes JavaScript as an order, in a child that is not compiled TypeScript. */
async function run(code: string, options: Partial<ChildOptions<never>> = {}): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'facet-child-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'child.cjs');
  const send = `(result) => process.send({ type: 'done', result }, () => process.exit(0))`;
  await writeFile(
    file,
    `process.once('message', (order) => { (${code})(order, ${send}); });process.send({type:'ready'});`,
  );
  return runChild(
    file,
    { megabytes: 400 },
    {
      signal: new AbortController().signal,
      describeDeath: ({ cause, lastLine }) =>
        new AppError(`${cause}: ${lastLine}`, { code: 'DIED', category: 'crashed' }),
      ...options,
    },
  );
}

test('describes the end of a child that sends no result', async () => {
  await expect(run(`() => process.exit(7)`)).rejects.toMatchObject({ code: 'DIED', message: 'code 7: ' });
});

test('ends a child by the signal, and throws its reason', async () => {
  const stopping = new AbortController();
  const running = run(`() => setInterval(() => undefined, 1000)`, { signal: stopping.signal });
  stopping.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
});

test('throws the error of the child with the stack of the child', async () => {
  const fail = `() => {
    const { message, stack } = new TypeError('not a number');
    process.send({ type: 'failed', error: { message, code: 'UNEXPECTED', category: 'internal', retryable: true, stack } },
      () => process.exit(0));
  }`;
  await expect(run(fail)).rejects.toMatchObject({
    code: 'UNEXPECTED',
    message: 'not a number',
    stack: expect.stringMatching(/TypeError: not a number\n.*child\.cjs/),
  });
});
