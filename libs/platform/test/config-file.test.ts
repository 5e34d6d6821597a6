import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfigFile, readYamlFile } from '../src/index.ts';

const Settings = Type.Object({ port: Type.Integer({ default: 8080 }), name: Type.Optional(Type.String()) });
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facet-config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function fileOf(text: string): Promise<string> {
  const path = join(folder, 'facet.yaml');
  await writeFile(path, text);
  return path;
}

test('a missing file, an empty file and a file of comments mean all defaults', async () => {
  await expect(readConfigFile(Settings, join(folder, 'absent.yaml'))).resolves.toEqual({ port: 8080 });
  for (const text of ['', '# port: 1\n', '---\n']) {
    await expect(readConfigFile(Settings, await fileOf(text))).resolves.toEqual({ port: 8080 });
  }
});

test('reads YAML', async () => {
  await expect(readConfigFile(Settings, await fileOf('port: 1\nname: "x: y"\n'))).resolves.toEqual({
    port: 1,
    name: 'x: y',
  });
});

test.each(['port: [1', 'port: 1\nport: 2\n', 'a: b: c'])(
  'the error for invalid YAML names file and position: %j',
  async (text) => {
    const path = await fileOf(text);
    await expect(readConfigFile(Settings, path)).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringMatching(new RegExp(`${path}.*line \\d`, 's')) as string,
    });
  },
);

test('refuses aliases that expand to far more than the file', async () => {
  const levels = Array.from({ length: 30 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at}, `.repeat(10)}]`);
  const path = await fileOf(`a0: &a0 x\n${levels.join('\n')}\n`);
  await expect(readConfigFile(Settings, path)).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
});

test.each([
  '__proto__: { port: 1 }\n',
  'constructor: { prototype: { port: 1 } }\n',
  '<<: { __proto__: { port: 1 } }\n',
])('a prototype in the file changes no other object: %j', async (text) => {
  await readConfigFile(Settings, await fileOf(text)).catch(() => undefined);
  expect(({} as Record<string, unknown>)['port']).toBeUndefined();
  const settings = await readConfigFile(Settings, await fileOf(text)).catch(() => ({ port: 8080 }));
  expect(settings.port).toBe(8080);
});

test('the error for wrong fields names the file and the line', async () => {
  const path = await fileOf('port: high\n');
  await expect(readConfigFile(Settings, path)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: `${path} is not valid: line 1, port: must be integer.`,
  });
});

test('the line of a problem is that of its field, of a related field or of the section that lacks it', async () => {
  const path = await fileOf('# comment\nserving:\n  merge: &one\n    by: max\nlist:\n  - a\n  - *one\n"x.y": {}\n');
  const { locate } = await readYamlFile(path);
  const lineOf = (field: string, ...related: string[]) =>
    locate([{ path: field.split('/'), problem: '', related: related.map((each) => each.split('/')) }])[0]!.line;
  expect(lineOf('serving/merge/by')).toBe(4);
  expect(lineOf('serving/merge/floors')).toBe(3);
  expect(lineOf('serving/merge/floors', 'list/0')).toBe(6);
  expect(lineOf('list/1')).toBe(7);
  expect(lineOf('list/1/by')).toBe(4);
  expect(lineOf('x.y')).toBe(8);
  expect(lineOf('model/interests')).toBeUndefined();
  expect(lineOf('model/interests', 'serving')).toBe(2);
});

test('an unreadable file is an error, not a missing file', async () => {
  await expect(readConfigFile(Settings, folder)).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
});
