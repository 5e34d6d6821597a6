import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openArtifactStore } from '@facet/artifacts';
import type { Bundle } from '@facet/bundles';
import { readFacetConfig, warnOfMissingAttributes } from '@facet/config';
import type { HomePaths } from '@facet/config';
import type { MilvusConnection } from '@facet/config/connections';
import { ensureInstallation } from '@facet/config/installation';
import { ExposureWriter, parseExperiments } from '@facet/exposures';
import type { ExposureLogSettings } from '@facet/exposures';
import { listen, readAccess } from '@facet/http';
import { describeError, repeat } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { MilvusIndexes } from '@facet/retrieval/milvus';
import { createApp } from './app.ts';
import type { AppOptions } from './app.ts';
import { BundleWatcher } from './bundle/bundle-watcher.ts';
import { createRecallSampler } from './bundle/index-recall.ts';
import { LiveBundle } from './bundle/live-bundle.ts';
import { RecentRequests } from './bundle/recent-requests.ts';
import type { ServingConfig } from './config.ts';
import { ArmBundles } from './experiments/arm-bundles.ts';
import { ExposureRecorder } from './exposures/exposures.ts';
import { Guardrails } from './guardrails/guardrails.ts';
import { openTrialFile } from './guardrails/trial-file.ts';
import type { WorkerRole } from './processes/messages.ts';
import { noPeers } from './processes/peers.ts';
import type { Peers } from './processes/peers.ts';
import { createProfileSource } from './profiles/profile-source.ts';
import { createMetrics } from './telemetry/metrics.ts';
import type { Metrics } from './telemetry/metrics.ts';

export interface RunningServer {
  /** Resolves with the URL when the server accepts connections. */
  readonly listening: Promise<string>;
  /** Resolves when the server can serve requests. Rejects if it never can. */
  readonly ready: Promise<{ readonly bundleId: string }>;
  /** Refuses new requests, waits for current ones, then frees the bundle. */
  close(): Promise<void>;
}

export interface ServingDeps {
  readonly logger: Logger;
  /** Connects to the other processes on the port. */
  readonly joinPeers?: (metrics: Metrics) => Peers;
  /** Default: `immediately`, so that probes get a response while a large bundle loads. */
  readonly listens?: WorkerRole['listens'];
  /** The number of this process among those on the port. Default: 0. */
  readonly number?: WorkerRole['number'];
  readonly limits?: AppOptions['limits'];
}

/**
 * Starts listening and loads the current bundle, in this order or the reverse. Then watches for new bundles and deltas.
 *
 * @throws AppError those of `readFacetConfig` and `readAccess`, and those of `listen` if it listens immediately.
 */
export async function startServing(config: ServingConfig, deps: ServingDeps): Promise<RunningServer> {
  const { logger, joinPeers = (own) => noPeers(own, logger), listens = 'immediately', number = 0, limits } = deps;
  const { home } = config;
  const live = new LiveBundle();
  const recent = new RecentRequests();
  const metrics = createMetrics();
  const peers = joinPeers(metrics);
  const access = await readAccess(config.access, { logger });
  const sections = await readFacetConfig(config.facetFile);
  // Of several processes, one logs.
  if (listens === 'immediately') void warnOfMissingAttributes(config.facetFile, { ...home, logger });
  const { serving: settings } = sections;
  const experiments = parseExperiments(sections.experiments);
  const store = openArtifactStore(home.artifactsFolder);
  const trialFile = { folder: home.trialsFolder, name: nameProcess(config, number) };
  const trials = openTrialFile(trialFile, { logger, now: Date.now });
  const guardrails = sections.guardrails.enabled
    ? new Guardrails(sections.guardrails, { store, live, metrics, logger, recent, trials })
    : undefined;
  const milvus =
    config.milvus && (await openMilvusIndexes(config.milvus, { home, metrics, logger, fills: number === 0 }));
  const openIndex = milvus && ((bundle: Bundle) => milvus.open(bundle));
  const loading = { metrics, logger, recent, openIndex, acquireLoadSlot: peers.acquireLoadSlot };
  const arms = new ArmBundles({ ...loading, store, experiments });
  const exposures = openExposures(home, sections.exposures, { metrics, logger });
  const tracing = config.tracing && (await import('./telemetry/tracing.ts')).openTracing(config.tracing, logger);
  const app = await createApp(
    {
      logger,
      store,
      live,
      metrics,
      settings,
      arms,
      exposures: sections.exposures.enabled ? exposures : undefined,
      guardrails,
      recent,
      tracing,
      peers,
      comparisons: { ...home, facetFile: config.facetFile },
    },
    {
      access,
      tls: config.tls,
      trendsIntervalMs: config.trendsIntervalMs,
      ...(limits && { limits }),
    },
  );
  const earlyUrl = listens === 'immediately' ? (await listen(app, config)).url : undefined;

  const profiles = createProfileSource({ ...config, ...home }, { logger, metrics });
  const watcher = new BundleWatcher({
    artifactsFolder: home.artifactsFolder,
    profiles,
    live,
    ...loading,
    sampleRecall: createRecallSampler({ share: config.recallShare, metrics }),
    beforeGoingLive: (view) => arms.prepare(view),
    ...(guardrails && { afterSwap: (previous, bundle) => guardrails.begin(previous, bundle) }),
  });
  const watch = async (): Promise<void> => {
    await watcher.check();
    await guardrails?.check();
    await live.use(({ bundle }) => arms.refresh(bundle));
  };
  let stopWatching: (() => Promise<void>) | undefined;
  const loaded = watcher.start().then(async () => {
    await live.use(({ bundle }) => arms.refresh(bundle));
    await guardrails?.resume();
  });
  const listening = loaded.then(async () => earlyUrl ?? (await listen(app, config)).url);
  const ready = listening.then(() => {
    stopWatching = repeat(config.watchIntervalMs, watch, (error) => {
      logger.error({ problem: describeError(error), err: error }, 'watching for bundles failed: retrying');
    });
    return { bundleId: live.require().bundle.id };
  });
  return {
    listening: earlyUrl === undefined ? listening : Promise.resolve(earlyUrl),
    ready,
    async close() {
      watcher.stop();
      arms.stop();
      await app.close();
      await tracing?.close();
      await ready.catch(() => undefined);
      await stopWatching?.();
      await guardrails?.close();
      await exposures.recorder.close();
      await arms.close();
      await watcher.close();
      await milvus?.close();
      await profiles.close();
    },
  };
}

/** Returns a name that no process has at the same time, and that this process has again after a restart on the same port. */
function nameProcess({ host, port }: Pick<ServingConfig, 'host' | 'port'>, number: number): string {
  return `${hostname()} ${host} ${port === 0 ? randomUUID() : port} ${number}`;
}

/** Opens the exposure log. It removes old days even while the log is disabled. */
function openExposures(
  { exposuresFolder: folder }: HomePaths,
  { enabled, retentionDays, sampledShare, recordStateless }: ExposureLogSettings,
  { metrics, logger }: { readonly metrics: Metrics; readonly logger: Logger },
) {
  const writer = new ExposureWriter({
    folder,
    retentionDays,
    onFailure: (error, dropped) => logger.error({ err: error, dropped }, 'cannot record exposures'),
  });
  if (enabled) metrics.watchExposures(() => writer.counts);
  return { recorder: new ExposureRecorder({ writer, metrics, logger }), sampledShare, recordStateless };
}

/**
 * Opens a Milvus for the indexes of the loaded bundles. Does not wait for Milvus.
 *
 * @param fills whether this process fills and drops collections
 * @throws AppError `HOME_UNWRITABLE`, those of `readInstallation`, and `CONNECTION_FILE_UNREADABLE`
 */
async function openMilvusIndexes(
  { searchMsMax, ...milvus }: MilvusConnection,
  { home, metrics, logger, fills }: Pick<ServingConfig, 'home'> & { metrics: Metrics; logger: Logger; fills: boolean },
): Promise<MilvusIndexes> {
  const { id } = await ensureInstallation(home);
  // The package takes half a second to load.
  const { MilvusIndexes: Indexes } = await import('@facet/retrieval/milvus');
  return new Indexes({ milvus, installationId: id, fills, searchMsMax, metrics, logger });
}
