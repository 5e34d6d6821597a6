import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveModel } from '@facet/config';
import { expect, it } from 'vitest';
import { readChosenConfig } from '../src/stages.ts';
import { temporaryFolder } from '@facet/testing';

const example = new URL('../../../facet.yaml', import.meta.url);

async function readText(text: string): ReturnType<typeof readChosenConfig> {
  const path = join(await temporaryFolder(), 'facet.yaml');
  await writeFile(path, text);
  return readChosenConfig({ config: path });
}

it('facet.yaml in the repository changes no default', async () => {
  expect(await readText(await readFile(example, 'utf8'))).toEqual(await readText(''));
});

it('facet.yaml shows the defaults of all settings', async () => {
  const settings = (await readFile(example, 'utf8')).split('\n').filter((line) => /^#( {2})?\w/.test(line));
  expect(settings.length).toBeGreaterThan(15);
  const uncommented = await readText(settings.map((line) => line.slice(1)).join('\n'));
  const defaults = await readText('');
  expect(uncommented).toEqual(defaults);
  expect(resolveModel(uncommented)).toEqual(resolveModel(defaults));
});

it('facet.yaml shows a valid mapping', async () => {
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
  expect(config.mapping?.missingIds).toEqual(['NULL', 'guest']);
});

it('docs/configuration.md shows valid lists of missing ids', async () => {
  const page = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const examples = [...page.matchAll(/`(missingIds: .+?)`/g)].map(([, text]) => text!);
  const lists = await Promise.all(
    examples.map(async (text) => (await readText(`mapping: { ${text} }`)).mapping?.missingIds),
  );
  expect(lists).toEqual([[], ['NULL', 'guest']]);
});
