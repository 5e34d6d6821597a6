/** @module-tag full */
import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { facet, facetJson, startFacet } from './facet.ts';
import { shopFiles, temporaryFolder, writeShop } from '@facet/testing';

const demo = ['demo', '--no-serve', '--home', 'home', ...shopFiles];

it('a run killed during training resumes at its last epoch and gives the same model', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);
  // One epoch before the kill and one after it.
  await appendFile(join(folder, 'facet.yaml'), 'training: { epochs: 2 }\n');
  const killed = startFacet(folder, demo);
  await killed.sees(/fit, [2-4] interests, labels window, epoch 1: /);
  killed.child.kill('SIGKILL');
  expect(await killed.ended).toMatchObject({ signal: 'SIGKILL' });

  const resumed = await facet(folder, demo);
  expect(resumed.code).toBe(0);
  expect(resumed.err).toMatch(/^import .*already done/m);
  expect(resumed.err).toMatch(/^dataset .*already done/m);
  expect(resumed.err).not.toMatch(/fit, [2-4] interests, labels window, epoch 1: /);
  expect(resumed.err).toMatch(/fit, [2-4] interests, labels window, epoch 2: /);
  expect(await readdir(join(folder, 'home', 'checkpoints')).catch(() => [])).toEqual([]);

  await facetJson(folder, ['import', ...shopFiles, '--home', 'undisturbed']);
  const { modelId } = await facetJson<{ modelId: string }>(folder, ['train', '--home', 'undisturbed']);
  const [resumedId, ...more] = await readdir(join(folder, 'home', 'artifacts', 'model'));
  expect(more).toEqual([]);
  const weights = async (home: string, id: string): Promise<Buffer> =>
    readFile(join(folder, home, 'artifacts', 'model', id, 'weights.safetensors'));
  expect((await weights('home', resumedId!)).equals(await weights('undisturbed', modelId))).toBe(true);
});

it.each(['SIGINT', 'SIGTERM'] as const)(
  '%s during training ends the run immediately, without a stack trace',
  async (signal) => {
    const folder = await temporaryFolder();
    await writeShop(folder);
    const stopped = startFacet(folder, demo);
    await stopped.sees(/fit, [2-4] interests, labels window, epoch 1: /);
    const askedAt = Date.now();
    stopped.child.kill(signal);
    const { code, out, err } = await stopped.ended;
    expect(Date.now() - askedAt).toBeLessThan(10_000);
    expect(code).toBe({ SIGINT: 130, SIGTERM: 143 }[signal]);
    expect(err).toContain('Stopped. Finished stages are kept');
    expect(`${out}${err}`).not.toMatch(/ {4}at |error:/);
    expect(await readdir(join(folder, 'home', 'artifacts')).catch(() => [])).not.toContain('model');
  },
);
