import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { modelVariant, modelVariants, variantNames } from '../src/index.ts';

/** The rows of the table in the section "Variants" of docs/model.md: name and summary, without links. */
function documentedVariants(): [string, string][] {
  const page = readFileSync(new URL('../../../docs/model.md', import.meta.url), 'utf8');
  const [, section = ''] = /^## Variants\n([^]*?)^#/m.exec(page) ?? [];
  const rows = section.matchAll(/^\| `([\w-]+)` +\| (.*?) +\|$/gm);
  return [...rows].map(([, name = '', summary = '']) => [name, summary.replace(/\[(.*?)\]\(.*?\)/g, '$1')]);
}

it('docs/model.md lists every variant with the summary of the table, in its order', () => {
  expect(documentedVariants()).toEqual(variantNames.map((name) => [name, modelVariants[name].summary]));
});

it('facet.yaml can name each variant, and no other', () => {
  for (const name of variantNames) expect(modelVariant(name)).toBe(modelVariants[name]);
  for (const name of ['Mind', 'toString', '']) expect(() => modelVariant(name)).toThrow('Unknown model variant');
});
