import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('the types match the OpenAPI document', async () => {
  const generator = fileURLToPath(new URL('generate-serving-types.mjs', import.meta.url));
  await expect(promisify(execFile)(process.execPath, [generator, '--check'])).resolves.toMatchObject({ stderr: '' });
});
