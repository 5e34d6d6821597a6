import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFolderArtifactStore, openArtifactStore } from '@facet/artifacts';
import type { ArtifactRef } from '@facet/artifacts';
import {
  bundleFiles,
  bundleFormat,
  bundleWeights,
  loadBundleItems,
  neverSeen,
  noPopularLists,
  putDelta,
  recordGoldenVector,
  writeBundle,
} from '@facet/bundles';
import type { BundleInfo, CatalogItem, NewInteractions } from '@facet/bundles';
import { buildDeltaFromCatalog } from '@facet/bundles/testing';
import { FacetConfig, homePaths } from '@facet/config';
import type { HomePaths } from '@facet/config';
import { openFileEventLog } from '@facet/event-log';
import type { Experiment } from '@facet/exposures';
import { sinkLog, upsertUsers } from '@facet/lake';
import type { LakeEvent } from '@facet/lake';
import type { User } from '@facet/schemas';
import {
  buildItemVocabulary,
  buildPopularityTimeline,
  buildUserSequences,
  createBehaviorRows,
  createRandom,
  encodeFeatures,
  learnFeatureSchemas,
  parsePositiveRule,
  popularityFeatureCount,
  selectInteractions,
  writeBehaviorSequence,
} from '@facet/features';
import type { Attributes } from '@facet/features';
import type { HttpApp } from '@facet/http';
import {
  createInferenceEngine,
  embedItems,
  facetModel,
  indexDim,
  indexVectors,
  initializeWeights,
  unknownUser,
} from '@facet/model';
import type { ModelConfig, ModelSpec } from '@facet/model';
import { createStageContext, datasetStage } from '@facet/stages';
import { createLogger, dayMs, hashApiKey, parseWith } from '@facet/platform';
import type { ApiKey, Logger, Scope } from '@facet/platform';
import { ServingSettings } from '@facet/recommendations/settings';
import { buildFaissIndex } from '@facet/retrieval';
import { afterAll } from 'vitest';
import { createApp } from '../src/app.ts';
import type { AppDeps, AppOptions, Limits } from '../src/app.ts';
import { BundleWatcher } from '../src/bundle/bundle-watcher.ts';
import { LiveBundle } from '../src/bundle/live-bundle.ts';
import type { Loaded } from '../src/bundle/live-bundle.ts';
import { ArmBundles } from '../src/experiments/arm-bundles.ts';
import type { ExposureRecorder } from '../src/exposures/exposures.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import type { Metrics } from '../src/telemetry/metrics.ts';
import { createProfileSource } from '../src/profiles/profile-source.ts';
import type { ProfileSettings } from '../src/profiles/profile-source.ts';

/** The key with this name, as text and as stored. */
export const textOfKey = (name: string): string => `facet_the-key-of-${name}`;
export const servingKey = (name: string, scopes: readonly Scope[]): ApiKey => ({
  name,
  scopes,
  sha256: hashApiKey(textOfKey(name)),
});
/** The key that `post` sends. */
export const apiKey = textOfKey('tests');

/** The end of the fixture's data. */
export const asOf = Date.UTC(2026, 2, 1);
export const now = asOf + 3_600_000;
const genres = ['crime', 'dance', 'opera', 'space'];

/** 60 films of four genres; the last two are withdrawn, and the last eight have no interactions. */
export const films: CatalogItem[] = Array.from({ length: 60 }, (_, index) => ({
  itemId: `film-${index}`,
  title: `The film ${index}`,
  ...(index >= 58 ? { available: false } : {}),
  attributes: { genre: genres[index % genres.length]! },
}));

const users: User[] = [
  { userId: 'ada', attributes: { age: 'young' } },
  { userId: 'ben', attributes: { age: 'old' } },
  { userId: 'registered-only', attributes: { age: 'old' } },
];

/** Ratings: ada likes crime and space, ben likes dance, 20 others rate at random; 3 is not positive. */
export const events: LakeEvent[] = makeEvents();

function makeEvents(): LakeEvent[] {
  const random = createRandom(7);
  const made: LakeEvent[] = [];
  const rate = (userId: string, film: number, value: number): void => {
    const occurredAt = asOf - 40 * dayMs + made.length * 3_600_000;
    made.push({
      eventId: `e${made.length}`,
      type: 'rating',
      userId,
      itemId: `film-${film}`,
      occurredAt,
      receivedAt: occurredAt,
      value,
    });
  };
  for (const film of [0, 4, 8, 12, 16, 3, 7, 11, 15, 19]) rate('ada', film, 5);
  for (const film of [2, 6, 10]) rate('ada', film, 3);
  for (const film of [1, 5, 9, 13]) rate('ben', film, 4);
  for (let other = 0; other < 20; other++) {
    for (let choice = 0; choice < 12; choice++) rate(`other-${other}`, random.int(52), 4);
  }
  return made;
}

const rules = { positives: 'rating >= 4', repeats: 'keep', tieSeed: 1 } as const;

/** A small tower. Its scores depend on item, interest, prior and repeats, like those of a trained tower. */
const config: ModelConfig = { ...facetModel, embeddingDim: 8, sequenceLength: 16, hiddenUnits: [16], profileDim: 4 };

/** A data home in a temporary folder: lake, catalog, and an untrained but complete bundle that is `current`. */
export interface Home {
  readonly home: HomePaths;
  readonly folder: string;
  readonly lakeFolder: string;
  readonly catalogFolder: string;
  readonly artifactsFolder: string;
  readonly bundleRef: ArtifactRef;
  remove(): Promise<void>;
}

export async function createHome(): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'facet-serving-'));
  const { folder: template, bundleRef } = await (firstHome ??= buildHome());
  await cp(template, folder, { recursive: true });
  return {
    home: homePaths(folder),
    folder,
    lakeFolder: join(folder, 'lake'),
    catalogFolder: join(folder, 'catalog'),
    artifactsFolder: join(folder, 'artifacts'),
    bundleRef,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The home that all others are copies of. */
let firstHome: ReturnType<typeof buildHome> | undefined;

async function buildHome(): Promise<{ readonly folder: string; readonly bundleRef: ArtifactRef }> {
  const folder = await mkdtemp(join(tmpdir(), 'facet-serving-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const artifactsFolder = join(folder, 'artifacts');
  const log = await openFileEventLog(join(folder, 'log'));
  await log.append(events);
  await sinkLog(log, join(folder, 'lake'));
  await log.close();
  await upsertUsers(join(folder, 'catalog'), users);
  const store = createFolderArtifactStore(artifactsFolder);
  const bundleRef = await putBundle({ artifactsFolder });
  await store.promote(bundleRef);
  return { folder, bundleRef };
}

/** How a bundle differs from the first one. */
export interface OtherBundle {
  /** The catalog. Default: the films. */
  readonly items?: readonly CatalogItem[];
  /** The seed of the weights. */
  readonly seed?: number;
  /** The positive rule. */
  readonly positives?: string;
  readonly datasetId?: string;
  /** Default: `flat`. */
  readonly indexKind?: 'flat' | 'hnsw';
}

/** Puts an untrained but complete bundle into a home. */
export async function putBundle(
  { artifactsFolder }: Pick<Home, 'artifactsFolder'>,
  other: OtherBundle = {},
): Promise<ArtifactRef> {
  return createFolderArtifactStore(artifactsFolder).put('bundle', (folder) => writeWholeBundle(folder, other), {});
}

/** Puts the dataset of a home's events. The last fifth of them is the test window. */
export async function putDatasetOf({ folder }: Pick<Home, 'folder'>): Promise<string> {
  const config = parseWith(FacetConfig, { interactions: { positives: rules.positives } }, { source: 'the test' });
  const { output } = await datasetStage(createStageContext(homePaths(folder), config));
  return output.datasetId;
}

/** Puts a delta of a bundle for a catalog, and makes it current. @param chosen Items with a new interaction. */
export async function putDeltaOf(
  { artifactsFolder }: Pick<Home, 'artifactsFolder'>,
  bundle: ArtifactRef,
  catalog: readonly CatalogItem[],
  chosen: readonly string[] = [],
): Promise<ArtifactRef> {
  const store = createFolderArtifactStore(artifactsFolder);
  const interactions: NewInteractions = {
    today: Math.floor(asOf / dayMs) + 2,
    itemIds: chosen,
    sequencesOf: (vocabulary) =>
      buildUserSequences(
        chosen.map((itemId) => ({ userId: 'new-user', itemId, occurredAt: asOf })),
        vocabulary,
      ),
  };
  const ref = await putDelta(
    store,
    buildDeltaFromCatalog(await loadBundleItems(store, bundle), catalog, { interactions }),
  );
  await store.writeRef('delta', ref);
  return ref;
}

async function writeWholeBundle(
  folder: string,
  {
    items: catalog = films,
    seed = 11,
    positives = rules.positives,
    datasetId = 'dataset-of-the-fixture',
    indexKind = 'flat',
  }: OtherBundle,
): Promise<void> {
  const { interactions } = selectInteractions(events, { ...rules, isPositive: parsePositiveRule(rules.positives) });
  const counts = new Map<string, number>();
  for (const { itemId } of interactions) counts.set(itemId, (counts.get(itemId) ?? 0) + 1);
  const vocabulary = buildItemVocabulary(
    counts,
    catalog.map(({ itemId }) => itemId),
  );
  const itemOf = new Map(catalog.map((item) => [item.itemId, item]));
  const items: CatalogItem[] = vocabulary.itemIds.map((itemId) => itemOf.get(itemId) ?? { itemId, attributes: {} });
  const selection = { attributes: 'auto', minHolders: 1, maxSlots: 4 } as const;
  const learn = (holders: readonly { readonly attributes: Attributes }[]) =>
    learnFeatureSchemas(
      holders.map(({ attributes }) => attributes),
      selection,
    );
  const itemCount = items.length - 1;
  const itemFeatures = learn(catalog);
  const spec: ModelSpec = { config, itemCount, itemFeatures, userFeatures: learn(users) };
  const weights = initializeWeights(spec, createRandom(seed));
  // The items of a new model are alike. Spreading them makes interests differ.
  for (const [name, { data }] of Object.entries(weights)) {
    if (name.startsWith('item/')) data.forEach((value, at) => (data[at] = value * 20));
  }

  const { trainedCount } = vocabulary;
  const attributesOf = items.map(({ attributes }) => attributes);
  const features = encodeFeatures(itemFeatures, attributesOf);
  const embeddings = embedItems(spec, weights, { itemCount, trainedCount, features });
  const sequences = buildUserSequences(interactions, vocabulary);
  const timeline = buildPopularityTimeline(sequences, itemCount, asOf);
  const popularityFeatures = timeline.featuresOn(timeline.dayOf(asOf));
  const vectors = indexVectors(spec, weights, embeddings, popularityFeatures);
  const popularity = Float32Array.from(items, (_, item) => popularityFeatures[item * popularityFeatureCount + 1]!);
  const { tower, itemTables } = bundleWeights(weights);

  const engine = createInferenceEngine(spec, tower, embeddings);
  const golden = sequences.userIds.slice(0, 3).map((_, user) => {
    const rows = createBehaviorRows(1, config.sequenceLength);
    const window = { ...sequences, start: sequences.offsets[user]!, end: sequences.offsets[user + 1]! };
    writeBehaviorSequence(rows, 0, window, { now: asOf, distinct: config.distinctBehaviors });
    return recordGoldenVector(
      engine,
      rows,
      spec.userFeatures.map(() => 0),
      unknownUser,
    );
  });
  const dim = indexDim(spec);
  const info: BundleInfo = {
    formatVersion: bundleFormat,
    modelId: 'model-of-the-fixture',
    datasetId,
    spec,
    trainedCount,
    interactions: { ...rules, positives },
    asOf,
    index: {
      kind: indexKind,
      reason: 'a small catalog',
      dim,
      recall: 1,
      recallAt: 10,
      ...(indexKind === 'hnsw' && { efSearch: 64 }),
    },
    metrics: {},
  };
  await writeBundle(folder, {
    info,
    items,
    tower,
    itemTables,
    embeddings,
    vectors,
    popularity,
    firstSeen: Int32Array.from(items, (_, item) => timeline.firstDayOf(item) ?? neverSeen),
    popularLists: noPopularLists,
    golden,
    // A row of items from left to right. The last item has no position.
    positions: Float32Array.from({ length: 2 * items.length }, (_, cell) =>
      cell < 2 || cell >= 2 * itemCount ? Number.NaN : cell % 2 === 0 ? cell / itemCount - 1 : 0.5,
    ),
  });
  const index = await buildFaissIndex(vectors.subarray(dim), dim, { kind: indexKind });
  await index.save(join(folder, bundleFiles.index));
  index.close();
}

export interface TestApp {
  readonly app: HttpApp;
  readonly live: LiveBundle;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Undefined if the app starts without a bundle. */
  readonly loaded: Loaded | undefined;
  /** The parsed log lines of the app. */
  readonly logLines: Record<string, unknown>[];
  post(
    url: string,
    body: unknown,
  ): Promise<{ statusCode: number; body: Record<string, unknown>; headers: Record<string, unknown> }>;
  close(): Promise<void>;
}

/** Creates a home for all tests of a file. Call it outside of tests. */
export async function homeOfFile(): Promise<Home> {
  const home = await createHome();
  afterAll(() => home.remove());
  return home;
}

/** Creates an app for all tests of a file. Call it outside of tests. */
export async function appOfFile(...args: Parameters<typeof createTestApp>): Promise<TestApp> {
  const app = await createTestApp(...args);
  afterAll(() => app.close());
  return app;
}

/** Other programs may use the cores while tests run, which must not cause refusals. */
export const patientLimits: Partial<Limits> = { eventLoopDelayMsMax: Infinity };

/** The real app with the home's bundle. Needs no keys by default. */
export async function createTestApp(
  home: Home | undefined,
  options: Partial<AppOptions> &
    Pick<AppDeps, 'createId'> & {
      readonly experiments?: readonly Experiment[];
      readonly recorder?: ExposureRecorder;
      readonly sampledShare?: number;
      readonly redisUrl?: string;
      readonly settings?: object;
      /** The folder of the artifacts of an app without a home. */
      readonly artifactsFolder?: string;
    } = {},
): Promise<TestApp> {
  const logLines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void logLines.push(JSON.parse(line) as Record<string, unknown>) };
  const live = new LiveBundle();
  const metrics = createMetrics();
  const logger = createLogger({ name: 'test', level: 'debug', destination });
  const none = options.artifactsFolder ?? join(tmpdir(), 'facet-serving-none');
  const store = openArtifactStore(home?.artifactsFolder ?? none);
  const settings = parseWith(ServingSettings, options.settings ?? {}, { source: 'settings' });
  const { experiments = [], recorder, sampledShare = 0, createId = randomUUID } = options;
  const arms = new ArmBundles({ store, experiments, metrics, logger });
  const folder = home?.folder ?? 'none';
  const comparisons = {
    artifactsFolder: join(folder, 'artifacts'),
    gatesFolder: join(folder, 'gates'),
    facetFile: join(folder, 'facet.yaml'),
  };
  const exposures = recorder && { recorder, sampledShare, recordStateless: false };
  const app = await createApp(
    { logger, store, live, metrics, settings, arms, exposures, comparisons, now: () => now, createId },
    { access: { kind: 'anybody' }, limits: patientLimits, ...options },
  );
  const opened =
    home === undefined ? undefined : await openLive({ ...home, redisUrl: options.redisUrl }, { live, metrics, logger });
  return {
    app,
    live,
    metrics,
    logger,
    loaded: live.loaded,
    logLines,
    async post(url, body) {
      const response = await app.inject({
        method: 'POST',
        url,
        headers: { 'x-api-key': apiKey },
        payload: body as object,
      });
      return { statusCode: response.statusCode, body: response.json(), headers: response.headers };
    },
    async close() {
      await app.close();
      await opened?.close();
    },
  };
}

/** Loads the current bundle into `live`. */
export async function openLive(
  settings: ProfileSettings & Pick<Home, 'artifactsFolder'>,
  deps: { readonly live: LiveBundle; readonly metrics: Metrics; readonly logger: Logger },
): Promise<{ readonly watcher: BundleWatcher; close(): Promise<void> }> {
  const profiles = createProfileSource(settings, deps);
  const watcher = new BundleWatcher({ artifactsFolder: settings.artifactsFolder, profiles, ...deps });
  await watcher.start();
  return {
    watcher,
    async close() {
      await watcher.close();
      await profiles.close();
    },
  };
}
