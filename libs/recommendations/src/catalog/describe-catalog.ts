import { AttributeType } from '@facet/bundles';
import type { AttributeColumn, BundleView } from '@facet/bundles';
import { inSlices, oncePerKey } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { MergeFields } from '../merge.ts';
import { describeOrigin, originFields } from '../response.ts';
import { listContextFields } from '../settings.ts';
import type { ServingSettings } from '../settings.ts';

/** A longer list of values does not help to choose. */
const valuesMax = 100;
/** An attribute with more values is a text, such as a description. Sorting its values would take long. */
const distinctMax = 10_000;

export const CatalogAttribute = Type.Object(
  {
    name: Type.String(),
    type: AttributeType,
    distinct: Type.Optional(
      Type.Integer({ description: 'Number of different texts. Absent for numbers and booleans.' }),
    ),
    values: Type.Optional(
      Type.Array(
        Type.Object({
          code: Type.Integer({ description: 'The code of the text in the columns of the item map.' }),
          value: Type.String(),
          items: Type.Integer(),
        }),
        {
          description: `The ${valuesMax} most frequent texts with the number of their items. Empty for more than ${distinctMax} texts.`,
        },
      ),
    ),
    min: Type.Optional(Type.Number({ description: 'The smallest number.' })),
    max: Type.Optional(Type.Number({ description: 'The largest number.' })),
  },
  { title: 'CatalogAttribute' },
);
export type CatalogAttribute = Static<typeof CatalogAttribute>;

type Catalog = Pick<BundleView['catalog'], 'columns'>;

/** Returns the attributes of a catalog, sorted by name. Describes each catalog once and yields to the event loop. */
export const describeAttributes = oncePerKey(async ({ columns }: Catalog): Promise<readonly CatalogAttribute[]> => {
  const attributes: CatalogAttribute[] = [];
  for (const column of columns) attributes.push(await describeColumn(column));
  return attributes;
});

async function describeColumn(column: AttributeColumn): Promise<CatalogAttribute> {
  const { name, type } = column;
  if (column.type === 'boolean') return { name, type };
  if (column.type === 'number') return { name, type, ...(await rangeOf(column.numbers)) };
  const { texts, counts } = column.values;
  if (texts.count > distinctMax) return { name, type, distinct: texts.count, values: [] };
  const frequent = [...counts.keys()].sort((a, b) => counts[b]! - counts[a]! || a - b).slice(0, valuesMax);
  const values = frequent.map((text) => ({ code: text + 1, value: texts.at(text), items: counts[text]! }));
  return { name, type, distinct: texts.count, values };
}

async function rangeOf(numbers: Float64Array): Promise<{ min?: number; max?: number }> {
  let [min, max] = [Infinity, -Infinity];
  await inSlices(numbers.length, (start, end) => {
    for (let row = start; row < end; row++) {
      const number = numbers[row]!;
      if (number < min) min = number;
      if (number > max) max = number;
    }
  });
  return min > max ? {} : { min, max };
}

export const CatalogResponse = Type.Object(
  {
    ...originFields,
    items: Type.Integer({ description: 'Items of the catalog, including unavailable ones.' }),
    interestsMax: Type.Integer({ description: 'K: the largest number of interests that the model infers.' }),
    sequenceLength: Type.Integer({ description: 'The number of behaviors that the model reads, the newest ones.' }),
    dataEnd: Type.String({ description: 'The end of the data of the bundle, RFC 3339 in UTC.' }),
    merge: MergeFields,
    attributes: Type.Array(CatalogAttribute, {
      description:
        'Attributes of the items of the bundle by name. An attribute with values of several types occurs for each type.',
    }),
    filters: Type.Array(
      Type.Object({
        name: Type.String(),
        context: Type.Array(Type.String(), {
          description: "The fields of the request's context that the filter reads.",
        }),
      }),
      { description: 'The filters that facet.yaml declares.' },
    ),
  },
  {
    title: 'CatalogResponse',
    description: 'What a request can refer to.',
    examples: [
      {
        bundleId: 'eb342103ec0057bad650138446eee7d9',
        items: 60,
        interestsMax: 4,
        sequenceLength: 16,
        dataEnd: '2026-03-01T00:00:00.000Z',
        merge: { by: 'max' },
        attributes: [{ name: 'genre', type: 'text', distinct: 1, values: [{ code: 3, value: 'opera', items: 15 }] }],
        filters: [{ name: 'affordable', context: ['budget'] }],
      },
    ],
  },
);
export type CatalogResponse = Static<typeof CatalogResponse>;

/** Describes what a request can refer to: attributes, filters, and the settings that apply without a field. */
export async function respondWithCatalog(
  bundle: BundleView,
  { merge, filters }: ServingSettings,
): Promise<CatalogResponse> {
  const { config } = bundle.info.spec;
  return {
    ...describeOrigin(bundle),
    items: bundle.itemCount,
    interestsMax: config.interests,
    sequenceLength: config.sequenceLength,
    dataEnd: new Date(bundle.info.asOf).toISOString(),
    merge,
    attributes: [...(await describeAttributes(bundle.catalog))],
    filters: Object.entries(filters).map(([name, filter]) => ({
      name,
      context: [...new Set(listContextFields(filter))],
    })),
  };
}
