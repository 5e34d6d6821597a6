import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { problemAnswers } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { Type } from 'typebox';
import type { LiveBundle } from '../live/live-bundle.ts';
import {
  BundleAnswer,
  BundlesAnswer,
  PromotedAnswer,
  PromoteRequest,
  RefsAnswer,
  RollbackRequest,
} from './bundles-schema.ts';
import type { BundleSummary } from './bundles-schema.ts';

export interface BundlesDeps {
  readonly store: ArtifactStore;
  readonly live: LiveBundle;
}

/** Ids are hexadecimal; anything else never names a folder. */
const BundleParams = Type.Object({
  bundleId: Type.String({ pattern: '^[0-9a-f]{32}$', examples: ['eb342103ec0057bad650138446eee7d9'] }),
});

const tags = ['bundles'];

/** What there is to answer from, and which of it does; for operators. */
export function addBundlesRoutes(app: HttpApp, { store, live }: BundlesDeps): void {
  const config = { scope: 'admin' } as const;

  async function stateOf(id: string): Promise<BundleSummary['state']> {
    if ((await store.readRef('current'))?.id === id) return 'current';
    return (await store.readRef('previous'))?.id === id ? 'previous' : null;
  }
  const isLoaded = (id: string): boolean => live.loaded?.bundle.id === id;
  const idOf = (ref: ArtifactRef | undefined): string | null => ref?.id ?? null;
  const operatorOf = (name: string | undefined): string => `api:${name ?? 'anybody'}`;

  app.get(
    '/v1/bundles',
    {
      config,
      schema: {
        operationId: 'listBundles',
        summary: 'The bundles there are',
        tags,
        response: { 200: BundlesAnswer, ...problemAnswers },
      },
    },
    async () => {
      const listed = await store.list('bundle');
      const bundles = await Promise.all(
        listed.map(async ({ ref: { id }, putAt }) => ({
          bundleId: id,
          builtAt: new Date(putAt).toISOString(),
          state: await stateOf(id),
          isLoaded: isLoaded(id),
        })),
      );
      return { bundles };
    },
  );

  app.get(
    '/v1/bundles/:bundleId',
    {
      config,
      schema: {
        operationId: 'readBundle',
        summary: 'What a bundle was made of, and how good it is',
        tags,
        params: BundleParams,
        response: { 200: BundleAnswer, ...problemAnswers },
      },
    },
    async ({ params: { bundleId } }) => {
      const info = await readBundleInfo(store, { kind: 'bundle', id: bundleId });
      const { kind, recall, recallAt } = info.index;
      return {
        bundleId,
        state: await stateOf(bundleId),
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
    {
      config,
      schema: {
        operationId: 'readRefs',
        summary: 'Which bundle is current, and which one answers',
        tags,
        response: { 200: RefsAnswer, ...problemAnswers },
      },
    },
    async () => {
      const { id, deltaId } = live.require().bundle;
      const [current, previous, delta] = await Promise.all(
        ['current', 'previous', 'delta'].map((name) => store.readRef(name)),
      );
      return {
        current: idOf(current),
        previous: idOf(previous),
        delta: idOf(delta),
        serving: { bundleId: id, ...(deltaId === undefined ? {} : { deltaId }) },
      };
    },
  );

  app.post(
    '/v1/bundles/:bundleId/promote',
    {
      config,
      schema: {
        operationId: 'promoteBundle',
        summary: 'Makes a bundle current',
        description: 'Whatever the gate said of it: the reason and the name of the key are recorded.',
        tags,
        params: BundleParams,
        body: PromoteRequest,
        response: { 200: PromotedAnswer, ...problemAnswers },
      },
    },
    async ({ params: { bundleId }, body: { because }, apiKey }) => {
      const current = await store.readRef('current');
      const decision = { by: operatorOf(apiKey?.name), reason: because, expectedCurrent: idOf(current) };
      await store.promote({ kind: 'bundle', id: bundleId }, decision);
      return { current: bundleId };
    },
  );

  app.post(
    '/v1/refs/rollback',
    {
      config,
      schema: {
        operationId: 'rollBack',
        summary: 'Makes the previous bundle current',
        description: 'A second rollback undoes the first. The reason and the name of the key are recorded.',
        tags,
        body: RollbackRequest,
        response: { 200: PromotedAnswer, ...problemAnswers },
      },
    },
    async ({ body: { because }, apiKey }) => {
      const { id } = await store.rollback({ by: operatorOf(apiKey?.name), reason: because });
      return { current: id };
    },
  );
}
