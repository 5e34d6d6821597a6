import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hashFile } from '../src/index.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'facet-hash-'))));
afterAll(() => rm(folder, { recursive: true }));

it.each([0, 1, 1 << 20, (5 << 19) + 1])('hashFile hashes all of %i bytes', async (bytes) => {
  const content = Buffer.from(Uint8Array.from({ length: bytes }, (_, index) => (index * 31) >> 3));
  const path = join(folder, `${bytes}`);
  await writeFile(path, content);
  expect(await hashFile(path)).toEqual({ bytes, sha256: createHash('sha256').update(content).digest('hex') });
});

it('hashFile rejects a file that does not exist', async () => {
  await expect(hashFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});
