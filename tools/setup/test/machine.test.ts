import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SetupFailure } from '../kit/failure.mjs';
import { CommandFailure } from '../kit/failure.mjs';
import { checkDisk, checkNode, checkPlatform } from '../steps/machine.mjs';
import { installMissing } from '../steps/system-packages.mjs';

describe('the machine', () => {
  it.each(['20.19.0', '20.20.2', '22.1.0'])('Node %s will do', (version) => {
    expect(() => checkNode(version)).not.toThrow();
  });

  it.each(['18.20.0', '20.18.1', '23.0.0', '24.9.0'])('Node %s will not', (version) => {
    expect(() => checkNode(version)).toThrow(`Node ${version} does not fit`);
  });

  it('is Linux on x64 with AVX2, or on arm64', () => {
    const good = { platform: 'linux', arch: 'x64', cpuFlags: 'sse avx2 fma bmi2 f16c' };

    expect(() => checkPlatform(good)).not.toThrow();
    expect(() => checkPlatform({ ...good, arch: 'arm64', cpuFlags: '' })).not.toThrow();
    expect(() => checkPlatform({ ...good, arch: 'ppc64' })).toThrow('linux on ppc64 is not supported');
    expect(() => checkPlatform({ ...good, platform: 'darwin' })).toThrow('darwin on x64 is not supported');
    expect(() => checkPlatform({ ...good, cpuFlags: 'sse avx' })).toThrow('avx2, fma, bmi2, f16c');
  });

  it('has space on the disk', async () => {
    const folder = path.join(tmpdir(), 'not-there-yet', 'cache');

    await checkDisk(folder, 1, 'a test');
    const failure = await checkDisk(folder, 1e9, 'a test').catch((error: unknown) => error);
    expect(failure).toMatchObject({ message: 'Not enough disk space for a test' });
    expect((failure as SetupFailure).tried).toMatch(/not-there-yet.* MB free, 1000000000 MB are needed/);
  });
});

describe('missing system packages', () => {
  const missing = [
    { what: 'cmake 3.24 or newer', packages: ['cmake'], isMet: async () => false },
    { what: 'cargo', packages: ['no-such-package-facet', 'cargo'], isMet: async () => false },
  ];
  const context = (machine: { isRoot: boolean; hasApt: boolean }, run: () => Promise<string>) => ({
    run,
    update: () => {},
    cacheRoot: tmpdir(),
    signal: new AbortController().signal,
    machine,
  });
  const failureOf = (promise: Promise<unknown>) =>
    promise.then(
      () => {
        throw new Error('should have failed');
      },
      (error: unknown) => error as SetupFailure,
    );
  const never = () => Promise.reject(new Error('no command must run'));

  it('are a command to run for who is not root', async () => {
    const failure = await failureOf(installMissing(missing, context({ isRoot: false, hasApt: true }, never)));

    expect(failure.message).toBe('This machine lacks cmake 3.24 or newer, cargo');
    expect(failure.remedy).toContain('sudo apt-get update && sudo apt-get install -y cmake cargo\n');
  });

  it('are a list where there is no apt', async () => {
    const failure = await failureOf(installMissing(missing, context({ isRoot: true, hasApt: false }, never)));

    expect(failure.remedy).toContain('Debian calls them: cmake cargo');
  });

  it('are installed by root, tried twice, and the failure says what to do by hand', async () => {
    let commands = 0;
    const run = () => {
      commands++;
      const tail = ['E: Unable to locate package cmake'];
      return Promise.reject(
        new CommandFailure({ command: 'apt-get', reason: 'exit code 100', logFile: 'x.log', tail }),
      );
    };

    const failure = await failureOf(installMissing(missing, context({ isRoot: true, hasApt: true }, run)));

    expect(commands).toBe(2);
    expect(failure).toMatchObject({ tail: ['E: Unable to locate package cmake'], logFile: 'x.log' });
    expect(failure.remedy).toContain('apt-get update && apt-get install -y cmake cargo');
  });

  it('are checked again afterwards: an old version in front of the new one does not help', async () => {
    const run = () => Promise.resolve('');

    const failure = await failureOf(installMissing(missing, context({ isRoot: true, hasApt: true }, run)));

    expect(failure.message).toBe('This machine still lacks cmake 3.24 or newer, cargo');
  });
});
