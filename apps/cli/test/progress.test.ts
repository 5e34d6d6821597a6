import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { createProgress } from '../src/terminal/progress.ts';
import { createTerminal } from '../src/terminal/terminal.ts';

it('writes plain lines to a file: a start, each step, a result with its time', () => {
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
  now = 12_000;
  stage.done('model abc');
  progress.stage('index').done('bundle def', { reused: true });
  expect(text).toBe(
    [
      'train     loading …',
      'train     epoch 1',
      'train     model abc  12 s',
      'index     bundle def  (already done)',
      '',
    ].join('\n'),
  );
});
