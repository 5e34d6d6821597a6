import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('the types match the OpenAPI documents', async () => {
  const generator = fileURLToPath(new URL('generate-api-types.mjs', import.meta.url));
  await expect(promisify(execFile)(process.execPath, [generator, '--check'])).resolves.toMatchObject({ stderr: '' });
});
