import { createFolderArtifactStore } from '@facet/artifacts';
import { GuardrailSettings } from '@facet/bundles/guardrails';
import { ExperimentsSettings, ExposureLogSettings, ExposureWriter, parseExperiments } from '@facet/exposures';
import { listen, readAccess } from '@facet/http';
import { readConfigFile } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { checkServingSettings, ServingSettings } from '@facet/recommendations/settings';
import { Type } from 'typebox';
import { createApp } from './app.ts';
import type { ServingConfig } from './config.ts';
import { ArmBundles } from './experiments/arm-bundles.ts';
import { ExposureRecorder } from './exposures/exposure-recorder.ts';
import type { RecorderDeps } from './exposures/exposure-recorder.ts';
import { Guardrails } from './guardrails/guardrails.ts';
import { BundleWatcher } from './live/bundle-watcher.ts';
import { LiveBundle } from './live/live-bundle.ts';
import { RecentRequests } from './live/recent-requests.ts';
import { createLiveRecall } from './live/live-recall.ts';
import { poll } from './live/poll.ts';
import type { Polling } from './live/poll.ts';
import { createMetrics } from './metrics/metrics.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { WorkerRole } from './processes/messages.ts';
import { noPeers } from './processes/peers.ts';
import type { Peers } from './processes/peers.ts';
import { createProfileSource } from './profiles/profile-source.ts';

/** What serving reads of `facet.yaml`; the other sections are the pipeline's. */
const SettingsOfServing = Type.Object({
  guardrails: GuardrailSettings,
  serving: ServingSettings,
  experiments: ExperimentsSettings,
  exposures: ExposureLogSettings,
});

export interface RunningServer {
  /** Settles with the URL when connections are taken. */
  readonly listening: Promise<string>;
  /** Settles when requests can be answered, or never will be. */
  readonly ready: Promise<{ readonly bundleId: string }>;
  /** Refuses new requests, waits for those under way, then frees the bundle. */
  close(): Promise<void>;
}

export interface ServingDeps {
  readonly logger: Logger;
  /** Where there are other processes that answer on the port. */
  readonly joinPeers?: (metrics: Metrics) => Peers;
  /** At once by default: probes are answered while a large bundle is read. */
  readonly listens?: WorkerRole['listens'];
}

/**
 * Listens and loads, or loads and listens. From then on it takes up what is promoted.
 *
 * @throws AppError those of `readConfigFile` and `readAccess`, and those of `listen` where it listens at once.
 */
export async function startServing(config: ServingConfig, deps: ServingDeps): Promise<RunningServer> {
  const { logger, joinPeers = noPeers, listens = 'at once' } = deps;
  const live = new LiveBundle();
  const recent = new RecentRequests();
  const metrics = createMetrics();
  const peers = joinPeers(metrics);
  const access = await readAccess(config.access);
  const read = await readConfigFile(SettingsOfServing, config.facetFile);
  const { guardrails: bounds, serving: settings, exposures } = read;
  const experiments = parseExperiments(read.experiments, config.facetFile);
  checkServingSettings(settings, experiments, config.facetFile);
  const store = createFolderArtifactStore(config.artifactsFolder);
  const guardrails = bounds.enabled ? new Guardrails(bounds, { store, live, metrics, logger }) : undefined;
  const { takeTurn } = peers;
  const armBundles = new ArmBundles({ store, experiments, metrics, logger, recent, takeTurn });
  const recorder = exposures.enabled ? createRecorder(config, exposures, { metrics, logger }) : undefined;
  const tracing = config.tracing && (await import('./tracing/open-tracing.ts')).openTracing(config.tracing, logger);
  const app = await createApp(
    {
      ...{ logger, store, live, metrics, settings, recent, peers, experiments, armBundles },
      sampledShare: exposures.sampledShare,
      recordStateless: exposures.recordStateless,
      ...(guardrails && { guardrails }),
      ...(recorder && { recorder }),
      ...(tracing && { tracing }),
    },
    { access, slowRequestMs: config.slowRequestMs },
  );
  const urlAtOnce = listens === 'at once' ? (await listen(app, config)).url : undefined;

  const profiles = createProfileSource(config, { logger, metrics });
  const watcher = new BundleWatcher({
    artifactsFolder: config.artifactsFolder,
    profiles,
    live,
    metrics,
    logger,
    recent,
    watchIndex: createLiveRecall({ share: config.recallShare, metrics }),
    takeTurn,
    beforeAnswering: (view) => armBundles.prepare(view),
  });
  let polling: Polling | undefined;
  const loaded = watcher.start().then(() => live.use(({ bundle }) => armBundles.refresh(bundle)));
  const listening = loaded.then(async () => urlAtOnce ?? (await listen(app, config)).url);
  const ready = listening.then(() => {
    const watch = async (): Promise<void> => {
      const swap = await watcher.check();
      if (swap !== undefined) guardrails?.begin(swap);
      await guardrails?.check();
      await live.use(({ bundle }) => armBundles.refresh(bundle));
    };
    polling = poll(watch, { intervalMs: config.watchIntervalMs, logger });
    return { bundleId: live.require().bundle.id };
  });
  return {
    listening: urlAtOnce === undefined ? listening : Promise.resolve(urlAtOnce),
    ready,
    async close() {
      watcher.stop();
      armBundles.stop();
      await app.close();
      await tracing?.close();
      await ready.catch(() => undefined);
      await polling?.stop();
      await recorder?.close();
      await armBundles.close();
      await watcher.close();
      await profiles.close();
    },
  };
}

function createRecorder(
  { exposuresFolder: folder }: ServingConfig,
  { retentionDays }: ExposureLogSettings,
  deps: Omit<RecorderDeps, 'writer'> & { readonly metrics: Metrics },
): ExposureRecorder {
  const writer = new ExposureWriter({
    folder,
    retentionDays,
    onFailure: (error, dropped) => deps.logger.error({ err: error, dropped }, 'exposures cannot be recorded'),
  });
  deps.metrics.watchExposures(() => writer.counts);
  return new ExposureRecorder({ writer, ...deps });
}
