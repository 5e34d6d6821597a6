import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveModel } from '@facet/config';
import { expect, it } from 'vitest';
import { readConfig } from '../src/pipeline-context.ts';
import { temporaryFolder } from '@facet/testing';

const example = new URL('../../../facet.yaml', import.meta.url);

async function readText(text: string): ReturnType<typeof readConfig> {
  const path = join(await temporaryFolder(), 'facet.yaml');
  await writeFile(path, text);
  return readConfig({ config: path });
}

it('facet.yaml at the root changes nothing as it is', async () => {
  expect(await readText(await readFile(example, 'utf8'))).toEqual(await readText(''));
});

it('shows the defaults: with every setting uncommented it changes nothing either', async () => {
  const settings = (await readFile(example, 'utf8')).split('\n').filter((line) => /^#( {2})?\w/.test(line));
  expect(settings.length).toBeGreaterThan(15);
  const uncommented = await readText(settings.map((line) => line.slice(1)).join('\n'));
  const defaults = await readText('');
  expect(uncommented).toEqual(defaults);
  expect(resolveModel(uncommented)).toEqual(resolveModel(defaults));
});

it('shows a mapping that can be used', async () => {
  const text = await readFile(example, 'utf8');
  const lines = text.split('\n');
  const start = lines.indexOf('# mapping:');
  const end = lines.indexOf('', start);
  const config = await readText(
    lines
      .slice(start, end)
      .map((line) => line.slice(2))
      .join('\n'),
  );
  expect(config.mapping).toMatchObject({ userId: 'buyer', items: { itemId: 'nr' }, timeZone: 'Europe/Berlin' });
});
