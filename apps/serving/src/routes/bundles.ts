import { artifactIdPattern } from '@facet/artifacts';
import type { ArtifactRef } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { artifactErrors, describeRoutes } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { epochMs } from '@facet/platform';
import { Type } from 'typebox';
import type { Static } from 'typebox';

const exampleId = 'eb342103ec0057bad650138446eee7d9';

const BundleState = Type.Union([Type.Literal('current'), Type.Literal('previous'), Type.Null()], {
  title: 'BundleState',
  description: 'current: live, or going live within seconds. previous: the target of a rollback.',
});
type BundleState = Static<typeof BundleState>;

const BundleSummary = Type.Object(
  {
    bundleId: Type.String(),
    builtAt: Type.String({ description: 'RFC 3339.' }),
    state: BundleState,
    isLoaded: Type.Boolean({ description: 'Whether the bundle is live in this process.' }),
  },
  { title: 'BundleSummary' },
);

const BundlesResponse = Type.Object(
  { bundles: Type.Array(BundleSummary, { description: 'Newest first.' }) },
  {
    title: 'BundlesResponse',
    description: 'The bundles of the artifact store.',
    examples: [
      { bundles: [{ bundleId: exampleId, builtAt: '2026-03-01T04:12:09.000Z', state: 'current', isLoaded: true }] },
    ],
  },
);

const BundleResponse = Type.Object(
  {
    bundleId: Type.String(),
    state: BundleState,
    isLoaded: Type.Boolean(),
    modelId: Type.String(),
    datasetId: Type.String(),
    dataEnd: Type.String({ description: "The end of the bundle's data, RFC 3339." }),
    items: Type.Integer(),
    index: Type.Object({
      kind: Type.String(),
      recall: Type.Union([Type.Number(), Type.Null()], { description: 'Index recall, measured at build time.' }),
      recallAt: Type.Integer(),
    }),
    metrics: Type.Record(Type.String(), Type.Number(), { description: 'Held-out metrics of the model.' }),
  },
  {
    title: 'BundleResponse',
    description: 'The bundle.',
    examples: [
      {
        bundleId: exampleId,
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

const Reference = Type.Union([Type.String(), Type.Null()]);

const RefsResponse = Type.Object(
  {
    current: Reference,
    previous: Reference,
    delta: Reference,
    serving: Type.Object(
      { bundleId: Type.String(), deltaId: Type.Optional(Type.String()) },
      { description: 'The live bundle and delta of this process.' },
    ),
  },
  {
    title: 'RefsResponse',
    description: 'The artifact ids of the references.',
    examples: [{ current: exampleId, previous: null, delta: null, serving: { bundleId: exampleId } }],
  },
);

const reason = Type.String({ minLength: 1, maxLength: 1_000, description: 'The reason, for the promotion log.' });

const PromoteRequest = Type.Object(
  { reason },
  { title: 'PromoteRequest', examples: [{ reason: 'Reviewed its recommendations for new users.' }] },
);
const RollbackRequest = Type.Object(
  { reason },
  { title: 'RollbackRequest', examples: [{ reason: 'Empty pages since noon.' }] },
);

const PromotedResponse = Type.Object(
  { current: Type.String({ description: 'The current bundle. It goes live within seconds.' }) },
  { title: 'PromotedResponse', description: 'The bundle is current.', examples: [{ current: exampleId }] },
);

const PromotionsResponse = Type.Object(
  {
    promotions: Type.Array(
      Type.Object(
        {
          number: Type.Integer(),
          at: epochMs('Epoch milliseconds.'),
          by: Type.String(),
          kind: Type.Union([Type.Literal('promote'), Type.Literal('rollback')]),
          bundleId: Type.Union([Type.String(), Type.Null()], { description: 'Current after this record.' }),
          reason: Type.Optional(Type.String()),
          runId: Type.Optional(Type.String()),
        },
        { title: 'Promotion' },
      ),
      { description: 'Newest first, at most 100.' },
    ),
  },
  {
    title: 'PromotionsResponse',
    description: 'Who made which bundle current, when and why.',
    examples: [
      {
        promotions: [
          {
            number: 7,
            at: 1772338329000,
            by: 'api:ops',
            kind: 'promote',
            bundleId: 'eb342103ec0057bad650138446eee7d9',
            reason: 'Reviewed its recommendations for new users.',
          },
        ],
      },
    ],
  },
);
const promotionsMax = 100;

/** The pattern rejects ids that cannot name a folder of the artifact store. */
export const BundleParams = Type.Object({
  bundleId: Type.String({ pattern: artifactIdPattern, examples: [exampleId] }),
});

const bundleMissing = { ARTIFACT_NOT_FOUND: { status: 404, remedy: 'List the bundles with GET /v1/bundles.' } };

/** The errors of a route that reads the manifest and the information of a bundle. */
export const bundleErrors = { ...artifactErrors, ...bundleMissing, BUNDLE_INVALID: { status: 409 } };

const currentChanged = {
  PROMOTION_CURRENT_CHANGED: {
    status: 409,
    remedy: 'Check GET /v1/refs, then repeat the request if it still applies.',
  },
};

/** Adds the routes that list, promote and roll back bundles, for operators. */
export function addBundleRoutes(app: HttpApp): void {
  const { live, store } = app.serving;
  const describe = describeRoutes({ scope: 'admin', tag: 'bundles', errors: artifactErrors });

  const readRefs = (...names: string[]) => Promise.all(names.map((name) => store.readRef(name)));
  const isLoaded = (id: string): boolean => live.loaded?.bundle.id === id;
  const idOf = (ref: ArtifactRef | undefined): string | null => ref?.id ?? null;
  const nameOperator = (keyName: string | undefined): string => `api:${keyName ?? 'anybody'}`;

  app.get(
    '/v1/bundles',
    describe({ operationId: 'listBundles', summary: 'List the bundles', response: BundlesResponse }),
    async () => {
      const listed = await store.list('bundle');
      const [current, previous] = await readRefs('current', 'previous');
      const bundles = listed.map(({ ref: { id }, putAt }) => ({
        bundleId: id,
        builtAt: new Date(putAt).toISOString(),
        state: stateOf(id, current, previous),
        isLoaded: isLoaded(id),
      }));
      return { bundles };
    },
  );

  app.get(
    '/v1/bundles/:bundleId',
    describe({
      operationId: 'readBundle',
      errors: bundleErrors,
      summary: 'Read the origin and the quality of a bundle',
      params: BundleParams,
      response: BundleResponse,
    }),
    async ({ params: { bundleId } }) => {
      const info = await readBundleInfo(store, { kind: 'bundle', id: bundleId });
      const { kind, recall, recallAt } = info.index;
      const [current, previous] = await readRefs('current', 'previous');
      return {
        bundleId,
        state: stateOf(bundleId, current, previous),
        isLoaded: isLoaded(bundleId),
        modelId: info.modelId,
        datasetId: info.datasetId,
        dataEnd: new Date(info.asOf).toISOString(),
        items: info.spec.itemCount,
        index: { kind, recall, recallAt },
        metrics: info.metrics,
      };
    },
  );

  app.get(
    '/v1/refs',
    describe({
      operationId: 'readRefs',
      summary: 'Read which bundle is current and which one is live',
      response: RefsResponse,
    }),
    async () => {
      const { id: bundleId, deltaId } = live.require().bundle;
      const [current, previous, delta] = await readRefs('current', 'previous', 'delta');
      return { current: idOf(current), previous: idOf(previous), delta: idOf(delta), serving: { bundleId, deltaId } };
    },
  );

  app.post(
    '/v1/bundles/:bundleId/promote',
    describe({
      operationId: 'promoteBundle',
      errors: { ...bundleMissing, ...currentChanged },
      summary: 'Promote a bundle',
      description: 'Ignores the verdict of the gate. The promotion log records the reason and the name of the key.',
      params: BundleParams,
      body: PromoteRequest,
      response: PromotedResponse,
    }),
    async ({ params: { bundleId }, body, apiKey }) => {
      const expectedCurrent = idOf(await store.readRef('current'));
      const decision = { by: nameOperator(apiKey?.name), reason: body.reason, expectedCurrent };
      await store.promote({ kind: 'bundle', id: bundleId }, decision);
      return { current: bundleId };
    },
  );

  app.post(
    '/v1/refs/rollback',
    describe({
      operationId: 'rollBack',
      errors: { ...bundleMissing, ...currentChanged, ARTIFACT_NO_PREVIOUS: { status: 409 } },
      summary: 'Restore the previous bundle',
      description: 'A second rollback undoes the first. The promotion log records the reason and the name of the key.',
      body: RollbackRequest,
      response: PromotedResponse,
    }),
    async ({ body, apiKey }) => {
      const { id } = await store.rollback({ by: nameOperator(apiKey?.name), reason: body.reason });
      return { current: id };
    },
  );

  app.get(
    '/v1/promotions',
    describe({
      operationId: 'listPromotions',
      summary: 'List who made which bundle current, and why',
      response: PromotionsResponse,
    }),
    async () => {
      const records = await store.promotions();
      const promotions = records.flatMap(({ number, at, by, kind, ref, reason, run }) =>
        kind === 'promote' || kind === 'rollback'
          ? [{ number, at, by, kind, bundleId: ref?.id ?? null, reason, runId: run?.runId }]
          : [],
      );
      return { promotions: promotions.slice(-promotionsMax).reverse() };
    },
  );
}

function stateOf(id: string, current: ArtifactRef | undefined, previous: ArtifactRef | undefined): BundleState {
  if (id === current?.id) return 'current';
  return id === previous?.id ? 'previous' : null;
}
