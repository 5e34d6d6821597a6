import type { AddressInfo } from 'node:net';
import { AppError } from '@facet/platform';
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
 * @throws AppError `SERVING_ADDRESS_UNUSABLE` when the port is taken or the host is not this machine's.
 */
export async function startServing(config: ServingConfig, deps: { readonly logger: Logger }): Promise<RunningServer> {
  const live = new LiveBundle();
  const metrics = createMetrics();
  const app = await createApp({ logger: deps.logger, live, metrics }, { access: config.access });
  await app.listen({ host: config.host, port: config.port }).catch(async (error: NodeJS.ErrnoException) => {
    await app.close();
    throw new AppError(`${config.host}:${config.port} cannot be listened on: ${error.message}.`, {
      code: 'SERVING_ADDRESS_UNUSABLE',
      remedy:
        error.code === 'EADDRINUSE'
          ? 'Stop what uses the port, or choose another one with FACET_PORT.'
          : 'Choose an address of this machine with FACET_HOST and a port with FACET_PORT.',
      context: { host: config.host, port: config.port, cause: error.code },
      cause: error,
    });
  });

  const ready = loadLiveBundle(config).then((loaded) => {
    live.load(loaded);
    metrics.setLoaded(loaded.bundle, loaded.profiles.size);
    return { bundleId: loaded.bundle.id };
  });
  return {
    url: urlOf(config.host, (app.server.address() as AddressInfo).port),
    ready,
    async close() {
      await app.close();
      await ready.catch(() => undefined);
      await live.loaded?.bundle.close();
    },
  };
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
