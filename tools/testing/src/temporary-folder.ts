import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** Creates a folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'facet-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Removing the installed packages of an app can take minutes on a busy disk. */
const removalMsMax = 600_000;

/** Creates a folder that is removed after all tests of the file, or of the `describe` that calls this. */
export function folderOfFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'facet-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }), removalMsMax);
  return folder;
}
