/** @module-tag full */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { folderOfFile } from '@facet/testing';
import { expect, it } from 'vitest';

const folder = folderOfFile();
const filesMax = 1_200;

it('refuses or searches damaged files without a crash: `npm run test:faults -- sanitizers` opens many more', async () => {
  // In a separate process, which a fault would crash.
  const script = fileURLToPath(new URL('sanitizers/fuzz-files.ts', import.meta.url));
  const options = [folder, 120, 7, filesMax].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...options]);
  const counts = JSON.parse(stdout) as { readonly files: number; readonly refused: number; readonly searched: number };
  expect(counts.files).toBe(filesMax);
  expect(counts.refused).toBeGreaterThan(200);
  expect(counts.searched).toBeGreaterThan(20);
}, 150_000);
