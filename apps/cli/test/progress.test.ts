import { Writable } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { createProgress } from '../src/terminal/progress.ts';
import { createTerminal } from '../src/terminal/terminal.ts';

it('writes plain lines to a file: a start, each step and epoch, the progress every 30 s, a result with its time', () => {
  let text = '';
  let now = 0;
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const progress = createProgress(createTerminal(stream), () => now);
  const stage = progress.stage('train', 'loading');
  stage.update(0.5, 'half');
  stage.step('epoch 1');
  now = 29_999;
  stage.update(0.6, 'epoch 2');
  now = 30_000;
  const epochs = [{ phase: 'fit', interests: 4, labels: 'window', epoch: 1, loss: 6.25, recall: 0.21 }] as const;
  stage.report({ share: 0.7, detail: 'epoch 3', examplesPerSecond: 1_200, etaSeconds: 90, epochs });
  const refit = { phase: 'refit', interests: 1, labels: 'window', epoch: 1, loss: 6 } as const;
  stage.report({ share: 0.75, detail: 'refit', epochs: [...epochs, refit] });
  // A stage that is tried again reports only the epochs after the one that it resumes with.
  stage.report({ share: 0.75, detail: 'refit', epochs: [{ ...refit, epoch: 2, loss: 5 }] });
  stage.update(0.8, 'epoch 4');
  now = 72_000;
  stage.done('model abc');
  progress.stage('index').done('bundle def', { reused: true });
  expect(text).toBe(
    [
      'train     loading …',
      'train     epoch 1',
      'train     fit, 4 interests, labels window, epoch 1: loss 6.250, validation recall@50 0.2100',
      'train     70 %, epoch 3, 1,200 examples/s, at most 1 min 30 s left',
      'train     refit on newer data, 1 interest, labels window, epoch 1: loss 6.000',
      'train     refit on newer data, 1 interest, labels window, epoch 2: loss 5.000',
      'train     model abc  1 min 12 s',
      'index     bundle def  (already done)',
      '',
    ].join('\n'),
  );
});

it('removes the bar from a terminal when the work of a stage fails, or only printed a note', async () => {
  vi.useFakeTimers();
  try {
    let writes = 0;
    const stream = Object.assign(
      new Writable({
        write(_chunk, _encoding, done) {
          writes++;
          done();
        },
      }),
      { isTTY: true },
    );
    const progress = createProgress(createTerminal(stream), Date.now);
    const failing = progress.run('gate', 'loading', async () => Promise.reject(new Error('failed')));
    await expect(failing).rejects.toThrow('failed');
    await progress.run('queue', '', async (stage) => stage.note('the run waits'));
    const written = writes;
    expect(written).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(writes).toBe(written);
  } finally {
    vi.useRealTimers();
  }
});
