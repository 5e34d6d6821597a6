import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfigFile } from '../src/index.ts';

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

test('the error for wrong fields names the file', async () => {
  const path = await fileOf('port: high\n');
  await expect(readConfigFile(Settings, path)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: `${path} is not valid: port: must be integer.`,
  });
});

test('an unreadable file is an error, not a missing file', async () => {
  await expect(readConfigFile(Settings, folder)).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
});
