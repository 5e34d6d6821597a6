import { readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashJson, runCachedStage } from '../src/stage.ts';
import { temporaryFolder } from '@facet/testing';

interface Counter {
  readonly runs: number;
  run(
    inputs: unknown,
    isUsable?: (output: { run: number }) => Promise<boolean>,
  ): Promise<{ output: { run: number }; isReused: boolean }>;
}

async function stage(name = 'train'): Promise<Counter & { folder: string }> {
  const folder = join(await temporaryFolder(), 'stages');
  let runs = 0;
  return {
    folder,
    get runs() {
      return runs;
    },
    run: (inputs, isUsable) =>
      runCachedStage({
        folder,
        name,
        inputs,
        run: async () => ({ run: ++runs }),
        ...(isUsable === undefined ? {} : { isUsable }),
      }),
  };
}

test('runs once per inputs, for any order of keys', async () => {
  const counter = await stage();
  expect(await counter.run({ a: 1, b: { c: 2, d: [3] } })).toEqual({ output: { run: 1 }, isReused: false });
  expect(await counter.run({ b: { d: [3], c: 2 }, a: 1 })).toEqual({ output: { run: 1 }, isReused: true });
});

test.each([
  [{ a: 1 }, { a: 2 }],
  [{ a: [1, 2] }, { a: [2, 1] }],
  [{ a: '1' }, { a: 1 }],
  [{ a: { b: 1 } }, { a: { c: 1 } }],
  [{}, { a: null }],
])('treats %j and %j as different inputs', async (one, other) => {
  const counter = await stage();
  await counter.run(one);
  expect(await counter.run(other)).toEqual({ output: { run: 2 }, isReused: false });
  expect((await counter.run(one)).output).toEqual({ run: 1 });
});

test('does not share outputs between stages of different names', async () => {
  const folder = await temporaryFolder();
  const run = (name: string) => runCachedStage({ folder, name, inputs: {}, run: async () => name });
  expect((await run('train')).output).toBe('train');
  expect((await run('index')).output).toBe('index');
});

test('stores nothing after a failure, and runs again', async () => {
  const folder = await temporaryFolder();
  const run = (work: () => Promise<string>) => runCachedStage({ folder, name: 'train', inputs: {}, run: work });
  await expect(run(() => Promise.reject(new Error('the disk is full')))).rejects.toThrow('the disk is full');
  expect(await readdir(folder)).toEqual([]);
  expect(await run(async () => 'done')).toEqual({ output: 'done', isReused: false });
});

test.each(['', '{"run":', 'nonsense'])('replaces an unreadable output (%j)', async (text) => {
  const counter = await stage();
  await counter.run({});
  const [file] = await readdir(counter.folder);
  await truncate(join(counter.folder, file!));
  await writeFile(join(counter.folder, file!), text);
  expect(await counter.run({})).toEqual({ output: { run: 2 }, isReused: false });
  expect(await counter.run({})).toEqual({ output: { run: 2 }, isReused: true });
});

test('runs again if the artifact of a stored output no longer exists', async () => {
  const counter = await stage();
  await counter.run({});
  const asked: unknown[] = [];
  const gone = async (output: { run: number }): Promise<boolean> => {
    asked.push(output);
    return output.run > 1;
  };
  expect(await counter.run({}, gone)).toEqual({ output: { run: 2 }, isReused: false });
  expect(await counter.run({}, gone)).toEqual({ output: { run: 2 }, isReused: true });
  expect(asked).toEqual([{ run: 1 }, { run: 2 }]);
});

test('leaves one file per stage and inputs, and no unfinished file', async () => {
  const counter = await stage();
  await counter.run({ a: 1 });
  await counter.run({ a: 2 });
  expect((await readdir(counter.folder)).every((file) => /^train-[0-9a-f]{24}\.json$/.test(file))).toBe(true);
});

test('hashes every value of JSON, but not the order of keys', () => {
  const reversed = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map(reversed);
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, reversed(inner)]),
    );
  };
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(hashJson(reversed(value))).toBe(hashJson(value));
    }),
  );
});

test('computes a part once per inputs, even if the stage was killed afterwards', async () => {
  const folder = await temporaryFolder();
  let made = 0;
  const run = (inputs: unknown, fails: boolean) =>
    runCachedStage({
      folder,
      name: 'index',
      inputs,
      run: async (once) => {
        const part = await once('choice', async () => ({ made: ++made }));
        if (fails) throw new Error('killed');
        return part;
      },
    });
  await expect(run({ a: 1 }, true)).rejects.toThrow('killed');
  expect(await run({ a: 1 }, false)).toEqual({ output: { made: 1 }, isReused: false });
  expect((await run({ a: 2 }, false)).output).toEqual({ made: 2 });
  expect((await readdir(folder)).filter((file) => file.endsWith('.tmp'))).toEqual([]);
});

test('uses one part for two concurrent runs', async () => {
  const folder = await temporaryFolder();
  const run = (made: number, delayMs: number) =>
    runCachedStage({
      folder,
      name: 'index',
      inputs: {},
      run: (once) => once('choice', () => sleep(delayMs, { made })),
    });
  const [slow, fast] = await Promise.all([run(1, 50), run(2, 1)]);
  expect([slow.output, fast.output]).toEqual([{ made: 2 }, { made: 2 }]);
});

test('replaces an unreadable part', async () => {
  const folder = await temporaryFolder();
  const run = (made: number) =>
    runCachedStage({
      folder,
      name: 'index',
      inputs: {},
      run: (once) => once('choice', async () => ({ made })),
      isUsable: async () => false,
    });
  await run(1);
  const [part] = (await readdir(folder)).filter((file) => file.includes('choice'));
  await writeFile(join(folder, part!), '{"made":');
  expect((await run(2)).output).toEqual({ made: 2 });
  expect((await run(3)).output).toEqual({ made: 2 });
});
