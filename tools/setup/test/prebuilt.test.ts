/** @module-tag full */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { packAddons } from '../addons.mjs';
import type { AddonsManifest } from '../addons.mjs';
import { createFakeMachine } from './fake-machine.ts';

let machine: ReturnType<typeof createFakeMachine>;
let clone: string;
let out: string;
let tarball: string;

/** Packs the addons of one machine. The cache is empty and the compilers are gone afterwards, as on another machine. */
beforeEach(async () => {
  machine = createFakeMachine();
  clone = machine.clone('clone');
  out = path.join(clone, 'out');
  expect(await machine.run(clone)).toMatchObject({ code: 0 });
  vi.stubEnv('FACET_CACHE_DIR', machine.cache);
  ({ file: tarball } = await packAddons(clone, out, '@acme/facet-addons'));
  vi.unstubAllEnvs();
  for (const folder of [machine.cache, path.join(clone, 'node_modules')]) rmSync(folder, { recursive: true });
  machine.takeCalls();
});
afterEach(() => machine.remove());

function removeCompilers(): void {
  for (const name of ['g++', 'cargo']) machine.removeProgram(name);
}

function unpack(): string {
  execFileSync('tar', ['-xzf', tarball, '-C', out]);
  return path.join(out, 'package');
}

function changeManifest(folder: string, change: Partial<AddonsManifest>): void {
  const file = path.join(folder, 'addons.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...change }));
}

async function expectReady(prebuilt: string): Promise<void> {
  const result = await machine.run(clone, [], { FACET_PREBUILT: prebuilt });
  expect(result.output).toMatch(/✔ Prebuilt addons\n[^]*✔ Facet is set up/);
  expect(result.code).toBe(0);
  expect(readFileSync(path.join(clone, 'node_modules/faiss-node/build/Release/faiss-node.node'), 'utf8')).toBe(
    'addon\n',
  );
  expect(existsSync(path.join(clone, 'node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node'))).toBe(true);
  expect(machine.leftovers()).toEqual([]);
}

describe('prebuilt addons', () => {
  it('of a tarball need no compiler', async () => {
    removeCompilers();

    await expectReady(tarball);
    expect(machine.takeCalls()).toEqual(['npm', 'pip', 'unpack']);
  });

  it('of a folder need no compiler', async () => {
    removeCompilers();

    await expectReady(unpack());
    expect(machine.takeCalls()).toEqual(['npm', 'pip', 'unpack']);
  });

  it('come from a registry, in the version for the sources of the clone', async () => {
    removeCompilers();
    const { version } = JSON.parse(readFileSync(path.join(unpack(), 'package.json'), 'utf8')) as { version: string };
    machine.publish(`@acme/facet-addons@${version}`, tarball);

    await expectReady('@acme/facet-addons');
    expect(machine.takeCalls()).toEqual(['npm', 'npm-pack', 'pip', 'unpack']);
  });

  it.each(['out/package', '@acme/facet-addons'])(
    'of other sources in %s are left alone: setup compiles',
    async (from) => {
      unpack();
      machine.patch(clone, 'patched better');

      const result = await machine.run(clone, [], { FACET_PREBUILT: from });

      expect(result.output).toContain(
        '✔ Prebuilt addons: none for the sources of this clone, so setup compiles the addons',
      );
      expect(result.code).toBe(0);
      expect(machine.takeCalls()).toContain('faiss-addon');
      expect(readFileSync(path.join(clone, 'node_modules/faiss-node/lib/index.js'), 'utf8')).toContain(
        'patched better',
      );
    },
  );

  it.each([
    [{ platform: 'linux-ppc64' }, `are for linux-ppc64, not for linux-${process.arch}`],
    [{ napi: 99 }, /are for Node-API 99, and Node \S+ has Node-API \d+/],
    [{ glibc: '9.1' }, /are for glibc 9.1, and this machine has 2\.\d+/],
    [{ format: 2 as 1 }, 'has the format 2, which this version of Facet cannot read'],
  ])('of another machine are refused: %o', async (change, message) => {
    const folder = unpack();
    changeManifest(folder, change);

    const result = await machine.run(clone, [], { FACET_PREBUILT: folder });

    expect(result.code).toBe(1);
    expect(result.output).toMatch(message);
    expect(result.output).toMatch(/do .*npm run pack -- addons.*unset FACET_PREBUILT/);
    expect(machine.takeCalls()).toEqual([]);
  });

  it('that are damaged are refused', async () => {
    const folder = unpack();
    const { files } = JSON.parse(readFileSync(path.join(folder, 'addons.json'), 'utf8')) as AddonsManifest;
    const damaged = Object.keys(files)[1]!;
    writeFileSync(path.join(folder, damaged), 'another addon\n');

    const result = await machine.run(clone, [], { FACET_PREBUILT: folder });

    expect(result.code).toBe(1);
    expect(result.output).toContain(`✖ The prebuilt addons of ${folder} are damaged`);
    expect(result.output).toContain(`the SHA-256 of ${damaged}`);
    expect(existsSync(path.join(machine.cache, path.dirname(damaged)))).toBe(false);
  });

  it('that do not exist are an error', async () => {
    const result = await machine.run(clone, [], { FACET_PREBUILT: './nowhere.tgz' });

    expect(result.code).toBe(1);
    expect(result.output).toContain(`✖ ${path.join(clone, 'nowhere.tgz')} does not exist`);
  });

  it('that are no tarball are an error', async () => {
    cpSync(path.join(clone, 'LICENSE'), tarball);

    const result = await machine.run(clone, [], { FACET_PREBUILT: tarball });

    expect(result.code).toBe(1);
    expect(result.output).toContain('✖ Taking the prebuilt addons failed');
    expect(result.output).toContain(`Check FACET_PREBUILT=${tarball}`);
  });
});
