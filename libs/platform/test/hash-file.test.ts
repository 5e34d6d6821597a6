import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@facet/testing';
import { expect, it } from 'vitest';
import { hashFile } from '../src/index.ts';

it.each([0, 1, 1 << 20, (5 << 19) + 1])('hashFile hashes all of %i bytes', async (bytes) => {
  const content = Buffer.from(Uint8Array.from({ length: bytes }, (_, index) => (index * 31) >> 3));
  const path = join(await temporaryFolder(), 'file');
  await writeFile(path, content);
  expect(await hashFile(path)).toEqual({ bytes, sha256: createHash('sha256').update(content).digest('hex') });
});

it('hashFile rejects a file that does not exist', async () => {
  await expect(hashFile(join(await temporaryFolder(), 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});
