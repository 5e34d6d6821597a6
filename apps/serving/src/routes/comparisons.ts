import { artifactIdPattern } from '@facet/artifacts';
import { readBundleInfo } from '@facet/bundles';
import { isRunning, settingsOfArms } from '@facet/exposures';
import type { Experiment } from '@facet/exposures';
import { describeRoutes, problemError } from '@facet/http';
import type { HttpApp } from '@facet/http';
import { GateReport, readGateReport, SampleComparison } from '@facet/gate/compare';
import type { ComparedSide } from '@facet/gate/compare';
import {
  pick,
  RecommendationsRequest,
  RecommendationsResponse,
  respondWithRecommendations,
} from '@facet/recommendations';
import { ExploreFields, MergeFields } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { loadCheckedBundle } from '../bundle/load-bundle.ts';
import { PreviewBundles } from '../comparisons/preview-bundles.ts';
import type { Peers } from '../processes/peers.ts';
import { profileErrors, serve } from '../serving.ts';
import { bundleErrors, BundleParams } from './bundles.ts';

/** Where comparisons read and write. */
export interface ComparisonPaths {
  readonly artifactsFolder: string;
  readonly gatesFolder: string;
  readonly facetFile: string;
}

/** Below the time limit of a response. A longer task is followed by repeating the request. */
const waitMs = 5_000;

/** Bundle and settings of a preview or of one side of a comparison. */
const sideFields = {
  bundleId: Type.Optional(
    Type.String({ pattern: artifactIdPattern, description: 'Default: the bundle of the arm, or the live bundle.' }),
  ),
  arm: Type.Optional(
    Type.Object(
      { experiment: Type.String(), name: Type.String() },
      { title: 'ArmReference', description: 'An arm or shadow arm of facet.yaml, whose bundle and settings apply.' },
    ),
  ),
};

const Side = Type.Object(
  { ...sideFields, merge: Type.Optional(MergeFields), explore: Type.Optional(ExploreFields) },
  { title: 'Side', additionalProperties: false, description: 'Fields of a request override those of the arm.' },
);
type Side = Static<typeof Side>;

/**
 * Returns the bundle and the settings of a side.
 *
 * @throws AppError `REQUEST_INVALID` for an arm that is not declared.
 */
function resolveSide(
  { bundleId, arm, ...own }: Side,
  experiments: readonly Experiment[],
  liveId: string,
): ComparedSide {
  const { bundle, ...ofArm } = arm === undefined ? {} : settingsOf(arm, experiments);
  return { bundleId: bundleId ?? bundle ?? liveId, overrides: { ...ofArm, ...own } };
}

function settingsOf({ experiment, name }: NonNullable<Side['arm']>, experiments: readonly Experiment[]) {
  const declared = experiments.find((candidate) => candidate.name === experiment);
  const shadow = declared?.shadow.find((candidate) => candidate.name === name);
  if (shadow !== undefined) return shadow.settings;
  if (declared?.arms.some((candidate) => candidate.name === name) === true) {
    return settingsOfArms(experiments, { [experiment]: name });
  }
  throw problemError('REQUEST_INVALID', `The arm ${name} of the experiment ${experiment} is not declared.`, {
    field: 'arm',
    remedy: 'List the arms with GET /v1/arms.',
  });
}

const usersDefault = 100;
const comparedItemsDefault = 50;

const ComparisonRequest = Type.Object(
  {
    before: Side,
    after: Side,
    users: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000, default: usersDefault, description: 'Users in the sample.' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: comparedItemsDefault, description: 'Length of the lists.' }),
    ),
  },
  {
    title: 'ComparisonRequest',
    examples: [{ before: {}, after: { merge: { by: 'round-robin' } }, users: 100 }],
  },
);

const resolved = Type.Object({ bundleId: Type.String() }, { title: 'ResolvedSide' });

const ComparisonResponse = Type.Object(
  {
    state: Type.Union([Type.Literal('running'), Type.Literal('finished')]),
    progress: Type.Number({ description: 'From 0 to 1.' }),
    before: resolved,
    after: resolved,
    limit: Type.Integer(),
    result: Type.Optional(SampleComparison),
  },
  {
    title: 'ComparisonResponse',
    description: 'The comparison, or its progress: repeat the request to follow it.',
    examples: [
      {
        state: 'running',
        progress: 0.4,
        before: { bundleId: 'eb342103ec0057bad650138446eee7d9' },
        after: { bundleId: '5a0c1d4f8b7e4d0f9c3b2a1908f7e6d5' },
        limit: 50,
      },
    ],
  },
);

const GateResponse = Type.Object(
  {
    state: Type.Union([Type.Literal('none'), Type.Literal('running'), Type.Literal('finished')], {
      description: 'none: the gate has not checked the bundle.',
    }),
    progress: Type.Number(),
    report: Type.Optional(GateReport),
  },
  {
    title: 'GateResponse',
    description: 'The newest gate report about the bundle, or the progress of the gate.',
    examples: [{ state: 'none', progress: 0 }],
  },
);

const ArmsResponse = Type.Object(
  {
    arms: Type.Array(
      Type.Object(
        {
          experiment: Type.String(),
          name: Type.String(),
          isShadow: Type.Boolean(),
          isRunning: Type.Boolean(),
          bundleId: Type.Optional(Type.String()),
        },
        { title: 'DeclaredArm' },
      ),
    ),
  },
  {
    title: 'ArmsResponse',
    description: 'The arms and shadow arms that facet.yaml declares.',
    examples: [{ arms: [{ experiment: 'merge-2026-02', name: 'spread', isShadow: false, isRunning: true }] }],
  },
);

const PreviewRequest = Type.Object(
  { ...Type.Omit(RecommendationsRequest, ['cursor', 'pageSize', 'record']).properties, ...sideFields },
  {
    title: 'PreviewRequest',
    description: 'The fields of a recommendation request, and the bundle or arm that responds.',
    examples: [{ userId: 'ada', limit: 5, explain: true }],
  },
);

const describe = describeRoutes({ scope: 'admin', tag: 'comparisons' });

/** The errors of a route that loads a bundle. */
const loadErrors = {
  ...bundleErrors,
  BUNDLE_DRIFTED: { status: 409 },
  RETRIEVAL_INDEX_UNREADABLE: { status: 409 },
};
/** The errors of a route that loads bundles in a child process. */
const jobErrors = { ...loadErrors, JOB_CRASHED: { status: 503 } };

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
      errors: { ...loadErrors, ...profileErrors, BUNDLE_SEARCHES_WRONG: { status: 409 } },
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
      errors: {
        ...jobErrors,
        COMPARISON_NO_DATASET: { status: 409 },
        COMPARISON_NO_USERS: { status: 409 },
        DATASET_INVALID: { status: 409 },
      },
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
      const job = await jobs.run(
        { kind: 'compare', artifactsFolder, before: before!, after: after!, settings, limit, usersMax },
        waitMs,
      );
      return { ...job, before: { bundleId: before!.bundleId }, after: { bundleId: after!.bundleId }, limit };
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
      errors: bundleErrors,
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
      errors: {
        ...jobErrors,
        DATASET_INVALID: { status: 409 },
        COMPARISON_NO_DATASET: { status: 409 },
        CONFIG_INVALID: { status: 500 },
        CONFIG_UNREADABLE: { status: 500 },
      },
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
      const { state, progress, result } = await jobs.run(
        { kind: 'gate', artifactsFolder, gatesFolder, bundleId, incumbentId, settings: gate },
        waitMs,
      );
      return { state, progress, report: result };
    },
  );
}
