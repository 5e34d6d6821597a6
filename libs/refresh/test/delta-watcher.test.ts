import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLogger } from '@facet/platform';
import { expect, it, onTestFinished } from 'vitest';
import { startDeltaWatcher } from '../src/index.ts';
import { createShopHome } from './shop-home.ts';

it('ends a delta process that hangs, and tries again', async () => {
  const { folder, store } = await createShopHome();
  await store.promote(await store.put('bundle', async () => undefined, {}));
  // Reading a pipe without a writer never ends.
  const configFile = join(folder, 'pipe.yaml');
  await promisify(execFile)('mkfifo', [configFile]);
  const outcomes: string[] = [];
  const lines: unknown[] = [];
  const logger = createLogger({
    name: 'test',
    level: 'warn',
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  const watcher = startDeltaWatcher(
    { logger, onResult: (outcome) => outcomes.push(outcome) },
    { home: folder, configFile, everyMs: 10, childMsMax: 6_000 },
  );
  onTestFinished(() => watcher.close());
  await expect.poll(() => outcomes, { timeout: 90_000 }).toEqual(['failed', 'failed']);
  expect(lines[0]).toMatchObject({
    problem: { code: 'REFRESH_DELTA_TIMED_OUT', message: 'The delta process was not finished after 0.1 min.' },
  });
});
