import { Type } from 'typebox';
import type { Static } from 'typebox';

const State = Type.Union([Type.Literal('current'), Type.Literal('previous'), Type.Null()], {
  title: 'BundleState',
  description: 'current answers, or will within seconds; previous is what a rollback goes back to.',
});

const bundleId = 'eb342103ec0057bad650138446eee7d9';

export const BundleSummary = Type.Object(
  {
    bundleId: Type.String(),
    builtAt: Type.String({ description: 'RFC 3339.' }),
    state: State,
    isLoaded: Type.Boolean({ description: 'Whether this process answers from it.' }),
  },
  { title: 'BundleSummary' },
);
export type BundleSummary = Static<typeof BundleSummary>;

export const BundlesAnswer = Type.Object(
  { bundles: Type.Array(BundleSummary, { description: 'The newest first.' }) },
  {
    title: 'BundlesAnswer',
    description: 'The bundles of the artifact store.',
    examples: [{ bundles: [{ bundleId, builtAt: '2026-03-01T04:12:09.000Z', state: 'current', isLoaded: true }] }],
  },
);
export type BundlesAnswer = Static<typeof BundlesAnswer>;

export const BundleAnswer = Type.Object(
  {
    bundleId: Type.String(),
    state: State,
    isLoaded: Type.Boolean(),
    modelId: Type.String(),
    datasetId: Type.String(),
    dataEnd: Type.String({ description: 'The end of the data that it was made of, RFC 3339.' }),
    items: Type.Integer(),
    index: Type.Object({
      kind: Type.String(),
      recall: Type.Union([Type.Number(), Type.Null()], { description: 'Index recall when it was built.' }),
      recallAt: Type.Integer(),
    }),
    metrics: Type.Record(Type.String(), Type.Number(), { description: 'Held-out metrics of its model.' }),
  },
  {
    title: 'BundleAnswer',
    description: 'The bundle.',
    examples: [
      {
        bundleId,
        state: 'current',
        isLoaded: true,
        modelId: '5a0c1d4f8b7e4d0f9c3b2a1908f7e6d5',
        datasetId: '0f9e8d7c6b5a49382716f5e4d3c2b1a0',
        dataEnd: '2026-03-01T00:00:00.000Z',
        items: 1682,
        index: { kind: 'flat', recall: 1, recallAt: 200 },
        metrics: { 'recall@20': 0.184 },
      },
    ],
  },
);
export type BundleAnswer = Static<typeof BundleAnswer>;

const Reference = Type.Union([Type.String(), Type.Null()]);

export const RefsAnswer = Type.Object(
  {
    current: Reference,
    previous: Reference,
    delta: Reference,
    serving: Type.Object(
      { bundleId: Type.String(), deltaId: Type.Optional(Type.String()) },
      { description: 'What this process answers from.' },
    ),
  },
  {
    title: 'RefsAnswer',
    description: 'Which artifacts the names stand for.',
    examples: [{ current: bundleId, previous: null, delta: null, serving: { bundleId } }],
  },
);
export type RefsAnswer = Static<typeof RefsAnswer>;

const because = Type.String({ minLength: 1, maxLength: 1_000, description: 'Why; it is recorded.' });

export const PromoteRequest = Type.Object(
  { because },
  { title: 'PromoteRequest', examples: [{ because: 'Its answers for new users were looked through.' }] },
);
export const RollbackRequest = Type.Object(
  { because },
  { title: 'RollbackRequest', examples: [{ because: 'Empty pages since noon.' }] },
);

export const PromotedAnswer = Type.Object(
  { current: Type.String({ description: 'The bundle that is current now; processes take it up within seconds.' }) },
  { title: 'PromotedAnswer', description: 'It is current.', examples: [{ current: bundleId }] },
);
export type PromotedAnswer = Static<typeof PromotedAnswer>;
