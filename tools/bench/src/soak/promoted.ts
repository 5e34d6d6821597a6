import type { ArtifactRef } from '@facet/artifacts';
import { until } from '@facet/local-services';
import { nowMs } from '../load/load.ts';
import type { ServingProcess } from '../serving/with-serving.ts';
import type { World } from '../serving/world.ts';

/** Concurrent probes on separate connections, enough to reach every serving process. */
const probes = 8;
const timeoutSeconds = 300;

/** Time from the promotion until all processes serve the bundle, in milliseconds of `nowMs`. */
export interface Swap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Promotes a bundle and waits until all processes serve it. @throws Error on a timeout, or when serving exits. */
export async function promoteAndAwait(
  world: Pick<World, 'store'>,
  ref: ArtifactRef,
  serving: ServingProcess,
): Promise<Swap> {
  const fromMs = nowMs();
  await world.store.promote(ref, { by: 'bench' });
  await until(
    `bundle ${ref.id} of serving`,
    async () => {
      if (!serving.running) throw new Error(`serving exited. Its output:\n${serving.errorOutput()}`);
      const ids = await Promise.all(Array.from({ length: probes }, () => servedBundle(serving.url)));
      return ids.every((id) => id === ref.id);
    },
    timeoutSeconds,
  );
  return { fromMs, toMs: nowMs() };
}

async function servedBundle(url: string): Promise<unknown> {
  const response = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined);
  return response === undefined ? undefined : ((await response.json()) as { bundleId?: string }).bundleId;
}
