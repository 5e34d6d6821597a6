import { readBundleInfo } from '@facet/bundles';
import { isRunning } from '@facet/exposures';
import { describeRoutes } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { readGateReport } from '@facet/pipeline/compare';
import type { JobTask } from '@facet/pipeline/compare';
import {
  pick,
  RecommendationsRequest,
  RecommendationsResponse,
  respondWithRecommendations,
} from '@facet/recommendations';
import { Type } from 'typebox';
import { loadCheckedBundle } from '../bundle/load-bundle.ts';
import {
  ArmsResponse,
  ComparisonRequest,
  ComparisonResponse,
  GateResponse,
  comparedItemsDefault,
  resolveSide,
  sideFields,
  usersDefault,
} from '../comparisons/comparison-schema.ts';
import { PreviewBundles } from '../comparisons/preview-bundles.ts';
import type { Peers } from '../processes/peers.ts';
import { serve } from '../serving.ts';
import { BundleParams } from './bundles.ts';

/** Where comparisons read and write. */
export interface ComparisonPaths {
  readonly artifactsFolder: string;
  readonly gatesFolder: string;
  readonly facetFile: string;
}

/** Below the time limit of a response. A longer task is followed by repeating the request. */
const waitMs = 5_000;

const PreviewRequest = Type.Object(
  { ...Type.Omit(RecommendationsRequest, ['cursor', 'pageSize', 'record']).properties, ...sideFields },
  {
    title: 'PreviewRequest',
    description: 'The fields of a recommendation request, and the bundle or arm that responds.',
    examples: [{ userId: 'ada', limit: 5, explain: true }],
  },
);

const describe = describeRoutes({ scope: 'admin', tag: 'comparisons' });

/** Adds the routes that compare bundles, arms and merges, and the gate. */
export function addComparisons(
  app: HttpApp,
  paths: ComparisonPaths,
  { jobs, acquireLoadSlot }: Pick<Peers, 'jobs' | 'acquireLoadSlot'>,
): void {
  const { store, logger } = app.serving;
  const previews = new PreviewBundles({
    load: (id) => loadCheckedBundle({ kind: 'bundle', id }, { store, logger }),
    acquireLoadSlot,
  });
  app.addHook('onClose', async () => {
    await jobs.close();
    await previews.close();
  });
  addArms(app);
  addPreview(app, previews);
  addComparison(app, paths, jobs);
  addGate(app, paths, jobs);
}

function addArms(app: HttpApp): void {
  const { arms, now } = app.serving;
  app.get(
    '/v1/arms',
    describe({ operationId: 'listArms', summary: 'List the arms that facet.yaml declares', response: ArmsResponse }),
    () => ({
      arms: arms.experiments.flatMap((experiment) => {
        const running = isRunning(experiment, now());
        const describe = (isShadow: boolean) => (arm: { name: string; settings: { bundle?: string } }) => ({
          experiment: experiment.name,
          name: arm.name,
          isShadow,
          isRunning: running,
          bundleId: arm.settings.bundle,
        });
        return [...experiment.arms.map(describe(false)), ...experiment.shadow.map(describe(true))];
      }),
    }),
  );
}

function addPreview(app: HttpApp, previews: PreviewBundles): void {
  const { serving } = app;
  const { arms, settings } = serving;
  app.post(
    // The router reads `::` as one literal colon.
    '/v1/recommendations::preview',
    describe({
      operationId: 'previewRecommendations',
      summary: 'Recommend items by another bundle or arm',
      description:
        'Loads the bundle if it is not live, and recommends from the live catalog. The first request for a bundle may ' +
        'take seconds. The user enters no experiment, and nothing is recorded.',
      body: PreviewRequest,
      response: RecommendationsResponse,
    }),
    async ({ body, spans }) =>
      serve(serving, async ({ bundle: current, profiles }) => {
        const { bundleId: wanted, arm, timings, ...list } = pick(body, PreviewRequest.properties);
        const { bundleId, overrides } = resolveSide({ bundleId: wanted, arm }, arms.experiments, current.id);
        const response = await previews.use(bundleId, current, (bundle) =>
          respondWithRecommendations(list, {
            bundle,
            readProfile: profiles.read,
            settings,
            recommendationId: serving.createId(),
            now: serving.now(),
            overrides,
            spans,
          }),
        );
        return timings === true ? { ...response, timings: spans.toJSON() } : response;
      }),
  );
}

function addComparison(app: HttpApp, { artifactsFolder }: ComparisonPaths, jobs: Peers['jobs']): void {
  const { live, arms, settings } = app.serving;
  app.post(
    '/v1/comparisons',
    describe({
      operationId: 'compareSides',
      summary: 'Compare two bundles, arms or merges over a sample of users',
      description:
        'Makes the lists of both sides at the start of the held-out window, on which neither bundle was trained, in a ' +
        'low-priority process. Returns the result, or the progress after five seconds: repeat the request to follow it.',
      body: ComparisonRequest,
      response: ComparisonResponse,
    }),
    async ({ body }) => {
      const { limit = comparedItemsDefault, users: usersMax = usersDefault } = body;
      const liveId = live.require().bundle.id;
      const [before, after] = [body.before, body.after].map((side) => resolveSide(side, arms.experiments, liveId));
      const state = await jobs.run(
        { kind: 'compare', artifactsFolder, before: before!, after: after!, settings, limit, usersMax },
        waitMs,
      );
      const sides = { before: { bundleId: before!.bundleId }, after: { bundleId: after!.bundleId }, limit };
      if (!state.isFinished) return { state: 'running' as const, progress: state.progress, ...sides };
      return { state: 'finished' as const, progress: 1, ...sides, result: state.result };
    },
  );
}

function addGate(app: HttpApp, paths: ComparisonPaths, jobs: Peers['jobs']): void {
  const { store } = app.serving;
  const findBundle = (bundleId: string) => readBundleInfo(store, { kind: 'bundle', id: bundleId });

  app.get(
    '/v1/bundles/:bundleId/gate',
    describe({
      operationId: 'readGate',
      summary: 'Read the newest verdict of the gate about a bundle',
      params: BundleParams,
      response: GateResponse,
    }),
    async ({ params: { bundleId } }) => {
      await findBundle(bundleId);
      const report = await readGateReport(paths.gatesFolder, bundleId);
      return report === undefined
        ? { state: 'none' as const, progress: 0 }
        : { state: 'finished' as const, progress: 1, report };
    },
  );

  app.post(
    '/v1/bundles/:bundleId/gate',
    describe({
      operationId: 'runGate',
      summary: 'Compare a bundle with the current bundle by the gate',
      description:
        'Runs in a low-priority process and stores the report, like `facet gate`. Promotes nothing. Returns the report, or ' +
        'the progress after five seconds: repeat the request to follow it.',
      params: BundleParams,
      response: GateResponse,
    }),
    async ({ params: { bundleId } }) => {
      await findBundle(bundleId);
      const { readFacetConfig } = await import('@facet/config');
      const { gate } = await readFacetConfig(paths.facetFile);
      const incumbentId = (await store.readRef('current'))?.id;
      const { artifactsFolder, gatesFolder } = paths;
      const task: JobTask = {
        kind: 'gate',
        artifactsFolder,
        gatesFolder,
        bundleId,
        incumbentId,
        settings: gate,
      };
      const state = await jobs.run(task, waitMs);
      if (!state.isFinished) return { state: 'running' as const, progress: state.progress };
      return { state: 'finished' as const, progress: 1, report: state.result };
    },
  );
}
