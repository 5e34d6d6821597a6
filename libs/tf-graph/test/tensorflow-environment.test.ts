import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => vi.unstubAllEnvs());

it('keeps oneDNN off, whatever the environment says', async () => {
  vi.stubEnv('TF_ENABLE_ONEDNN_OPTS', '1');
  vi.resetModules();
  await import('../src/tensorflow-environment.ts');

  expect(process.env['TF_ENABLE_ONEDNN_OPTS']).toBe('0');
});
