import { listen, readAccess } from '@facet/http';
import type { Logger } from '@facet/platform';
import { createApp } from './app.ts';
import type { ServingConfig } from './config.ts';
import { LiveBundle } from './live/live-bundle.ts';
import { loadLiveBundle } from './live/load-live-bundle.ts';
import { createMetrics } from './metrics/metrics.ts';

export interface RunningServer {
  readonly url: string;
  /** Settles when requests can be answered, or never will be. */
  readonly ready: Promise<{ readonly bundleId: string }>;
  /** Refuses new requests, waits for those under way, then frees the bundle. */
  close(): Promise<void>;
}

/**
 * Listens, then loads: probes are answered while a large bundle is read.
 *
 * @throws AppError those of `readAccess` and `listen`.
 */
export async function startServing(config: ServingConfig, deps: { readonly logger: Logger }): Promise<RunningServer> {
  const live = new LiveBundle();
  const metrics = createMetrics();
  const access = await readAccess(config.access);
  const app = await createApp({ logger: deps.logger, live, metrics }, { access });
  const { url } = await listen(app, config);

  const ready = loadLiveBundle(config, { logger: deps.logger, metrics }).then((loaded) => {
    live.load(loaded);
    metrics.setLoaded(loaded);
    return { bundleId: loaded.bundle.id };
  });
  return {
    url,
    ready,
    async close() {
      await app.close();
      await ready.catch(() => undefined);
      await live.loaded?.bundle.close();
      await live.loaded?.profiles.close();
    },
  };
}
