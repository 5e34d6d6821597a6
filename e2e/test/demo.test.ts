import { expect, it } from 'vitest';
import { facet } from './facet.ts';
import { departmentOf, shopFiles, temporaryFolder, writeShop } from '@facet/testing';

interface DemoDocument {
  readonly home: string;
  readonly bundleId: string;
  readonly reused: readonly string[];
  readonly evaluation: {
    readonly methods: readonly {
      readonly name: string;
      readonly new: { readonly recall: { readonly mean: number } };
    }[];
  };
  readonly users: readonly {
    readonly userId: string;
    readonly interests: readonly {
      readonly theme: readonly string[];
      readonly formedBy: readonly { readonly itemId: string }[];
    }[];
  }[];
}

it('runs the whole path on own files, separates interests, and repeats no work', async () => {
  const folder = await temporaryFolder();
  await writeShop(folder);

  const first = await facet(folder, ['demo', '--no-serve', ...shopFiles]);
  expect(first).toMatchObject({ code: 0, signal: undefined });
  for (const stage of ['import', 'dataset', 'train', 'evaluate', 'index']) {
    expect(first.err).toMatch(new RegExp(`^${stage} .*\\d m?s$`, 'm'));
  }
  expect(first.err).not.toContain('already done');
  expect(first.out).toMatch(/interest model +0\.\d{4}/);
  expect(first.out).toMatch(/recommends/);

  const second = await facet(folder, ['demo', '--no-serve', '--json', ...shopFiles]);
  expect(second.code).toBe(0);
  expect(second.err.match(/already done/g)).toHaveLength(5);
  const document = JSON.parse(second.out) as DemoDocument;
  expect(document.reused).toEqual(['dataset', 'train', 'evaluate', 'index']);
  expect(document.home).toMatch(/^\.facet\/events-[0-9a-f]{8}$/);

  const recall = (name: string): number =>
    document.evaluation.methods.find((method) => method.name.startsWith(name))!.new.recall.mean;
  expect(recall('interest model')).toBeGreaterThan(1.2 * recall('popularity'));

  expect(document.users).toHaveLength(3);
  for (const { interests } of document.users) {
    // Customers prefer two departments: each interest is one of them, and the interests differ.
    const departments = interests.map(({ formedBy }) => formedBy.map(({ itemId }) => departmentOf(itemId)));
    for (const items of departments) {
      expect(items.filter((item) => item === items[0]).length).toBeGreaterThan(items.length / 2);
    }
    expect(new Set(departments.map((items) => items[0])).size).toBeGreaterThan(1);
  }
});
