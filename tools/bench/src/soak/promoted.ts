import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactRef } from '@facet/artifacts';
import { nowMs } from '../load/load.ts';
import type { ServingProcess } from '../serving/serving-process.ts';
import type { World } from '../serving/world.ts';

/** Asked so often at a time, each over a connection of its own, so that every process of serving is among those that answer. */
const askedAtOnce = 8;
const patienceSeconds = 300;

/** From the promotion until all processes answer from the bundle, in milliseconds of `nowMs`. */
export interface Swap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Promotes a bundle and waits until it is what answers. @throws Error when that takes too long, or serving has ended. */
export async function promoteAndAwait(
  world: Pick<World, 'store'>,
  ref: ArtifactRef,
  serving: ServingProcess,
): Promise<Swap> {
  const fromMs = nowMs();
  await world.store.promote(ref, { by: 'bench' });
  while (nowMs() < fromMs + patienceSeconds * 1000) {
    if (!serving.running) throw new Error(`serving has ended; it said:\n${serving.errorOutput()}`);
    const ids = await Promise.all(Array.from({ length: askedAtOnce }, () => answeringBundle(serving.url)));
    if (ids.every((id) => id === ref.id)) return { fromMs, toMs: nowMs() };
    await sleep(100);
  }
  throw new Error(`bundle ${ref.id} was not taken up in ${patienceSeconds} s; serving said:\n${serving.errorOutput()}`);
}

async function answeringBundle(url: string): Promise<unknown> {
  const response = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined);
  return response === undefined ? undefined : ((await response.json()) as { bundleId?: string }).bundleId;
}
