import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildItemVocabulary, createItemVocabulary, encodeFeatures } from '../src/index.ts';
import type { FeatureSchema } from '../src/index.ts';

function countsOf(itemIds: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const itemId of itemIds) counts.set(itemId, (counts.get(itemId) ?? 0) + 1);
  return counts;
}

test('most popular first, ties by id, then the cold items of the catalogue by id', () => {
  const vocabulary = buildItemVocabulary(countsOf(['b', 'a', 'c', 'c', 'd']), ['z', 'a', 'y', 'z']);
  expect(vocabulary.itemIds).toEqual(['', 'c', 'a', 'b', 'd', 'y', 'z']);
  expect(vocabulary.trainedCount).toBe(4);
  expect(vocabulary.indexOf('c')).toBe(1);
  expect(vocabulary.indexOf('z')).toBe(6);
});

test('index 0 is padding: neither the empty text nor an unknown id is an item', () => {
  const vocabulary = buildItemVocabulary(countsOf(['a']), []);
  for (const unknown of ['', 'b', 'toString', '__proto__']) expect(vocabulary.indexOf(unknown)).toBeUndefined();
});

test('a catalogue without interactions is all cold, and no catalogue at all is an empty vocabulary', () => {
  expect(buildItemVocabulary(new Map(), ['b', 'a'])).toMatchObject({ itemIds: ['', 'a', 'b'], trainedCount: 0 });
  expect(buildItemVocabulary(new Map(), [])).toMatchObject({ itemIds: [''], trainedCount: 0 });
});

test('an id that occurs twice is refused', () => {
  expect(() => createItemVocabulary(['', 'a', 'b', 'a'], 3)).toThrow(
    expect.objectContaining({ code: 'FEATURES_DUPLICATE_ITEM' }),
  );
});

test('more items than a Map can hold are refused', () => {
  const itemIds = Array<string>(2 ** 24 + 2);
  expect(() => createItemVocabulary(itemIds, 0)).toThrow(expect.objectContaining({ code: 'FEATURES_TOO_MANY_IDS' }));
});

test('does not depend on the order of inputs; ids and indexes are inverse', () => {
  const ids = fc.array(fc.constantFrom('a', 'b', 'c', 'd', '__proto__', 'constructor', 'é', '10', '9'), {
    maxLength: 30,
  });
  const inputs = fc
    .tuple(ids, ids)
    .chain(([trained, catalog]) =>
      fc.tuple(
        fc.constant(trained),
        fc.constant(catalog),
        fc.shuffledSubarray(trained, { minLength: trained.length }),
        fc.shuffledSubarray(catalog, { minLength: catalog.length }),
      ),
    );
  fc.assert(
    fc.property(inputs, ([trained, catalog, mixedTrained, mixedCatalog]) => {
      const vocabulary = buildItemVocabulary(countsOf(trained), catalog);
      expect(buildItemVocabulary(countsOf(mixedTrained), mixedCatalog).itemIds).toEqual(vocabulary.itemIds);
      expect(new Set(vocabulary.itemIds.slice(1))).toEqual(new Set([...trained, ...catalog]));
      expect(new Set(vocabulary.itemIds.slice(1, vocabulary.trainedCount + 1))).toEqual(new Set(trained));
      vocabulary.itemIds.forEach((itemId, index) => {
        if (index > 0) expect(vocabulary.indexOf(itemId)).toBe(index);
      });
    }),
  );
});

test('encodes the attributes of every holder, 0 where there is none', () => {
  const genre: FeatureSchema = {
    name: 'genre',
    kind: 'category',
    values: ['crime', 'opera', 'space'],
    edges: [],
    slots: 2,
  };
  const [encoded] = encodeFeatures(
    [genre],
    [undefined, { genre: 'space' }, {}, { genre: ['opera', 'unknown', 'crime', 'space'] }, { genre: 'unknown' }],
  );
  expect(encoded!.schema).toBe(genre);
  expect([...encoded!.rows]).toEqual([0, 0, 3, 0, 0, 0, 2, 1, 0, 0]);
});
