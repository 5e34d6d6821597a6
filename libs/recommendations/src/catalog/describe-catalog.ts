import type { BundleView } from '@facet/bundles';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { MergeFields } from '../merge.ts';
import { CatalogAttribute, describeAttributes } from './describe-attributes.ts';
import { describeOrigin, originFields } from '../response.ts';
import { listContextFields } from '../settings.ts';
import type { ServingSettings } from '../settings.ts';

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
