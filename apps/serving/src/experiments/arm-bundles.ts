import type { ArtifactStore } from '@facet/artifacts';
import { applyLiveCatalog } from '@facet/bundles';
import type { Bundle, BundleView } from '@facet/bundles';
import type { Experiment } from '@facet/exposures';
import { bundlesOfExperiments, isRunning } from '@facet/exposures';
import { describeError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { loadSoundBundle } from '../live/load-sound-bundle.ts';
import type { SoundBundleDeps } from '../live/load-sound-bundle.ts';
import { Resting } from '../live/resting.ts';
import { Shared } from '../live/shared.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { inTurn } from '../processes/peers.ts';
import type { Peers } from '../processes/peers.ts';

export interface ArmBundlesDeps {
  readonly store: ArtifactStore;
  readonly experiments: readonly Experiment[];
  readonly metrics: Pick<Metrics, 'countLoadFailure'>;
  readonly logger: Logger;
  readonly recent?: SoundBundleDeps['recent'];
  /** Waits until no other process loads a bundle, and gives what lets the next one. Absent: there are none. */
  readonly takeTurn?: Peers['takeTurn'];
  /** The clock in epoch milliseconds. */
  readonly now?: () => number;
}

interface Held {
  readonly bundle: Shared<Bundle>;
  /** By what is live: the bundle as it answers beside it. */
  readonly views: WeakMap<BundleView, BundleView>;
}

/**
 * Holds the bundles that arms name, beside the one that is current, while their experiments run. They offer what the live one
 * offers: an item that is withdrawn there is in no answer of theirs.
 */
export class ArmBundles {
  readonly #deps: ArmBundlesDeps;
  readonly #now: () => number;
  readonly #held = new Map<string, Held>();
  readonly #resting: Resting;
  readonly #closing = new AbortController();

  constructor(deps: ArmBundlesDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? Date.now;
    this.#resting = new Resting(this.#now);
  }

  /**
   * Loads what is missing and lets go of what is over. Never fails: an arm without its bundle is not entered.
   *
   * @param live what answers now; those that are loaded are made ready for it.
   */
  async refresh(live: BundleView): Promise<void> {
    const wanted = this.#wanted(this.#now());
    for (const [id, { bundle }] of this.#held) {
      if (wanted.has(id)) continue;
      this.#held.delete(id);
      await bundle.release();
    }
    for (const id of wanted) {
      if (this.#held.has(id) || this.#resting.has(id)) continue;
      await inTurn(this.#deps.takeTurn, this.#closing.signal, () => this.#load(id, live));
    }
  }

  /** Makes the bundles ready to answer beside what will be live. Never fails: an arm that cannot be is not entered. */
  async prepare(live: BundleView): Promise<void> {
    for (const [id, held] of this.#held) {
      if (id !== live.id) await this.#attempt(id, () => makeReady(held, live));
    }
  }

  /** @param live what is live to the request that asks. */
  has(id: string, live: BundleView): boolean {
    return id === live.id || this.#held.get(id)?.views.has(live) === true;
  }

  /**
   * Does `work` with a bundle as it answers beside what is live, which may be itself. It stays until the work has ended.
   * Undefined when it is not held.
   *
   * @param live is held by whoever calls.
   */
  async use<Result>(
    id: string,
    live: BundleView,
    work: (bundle: BundleView) => Promise<Result>,
  ): Promise<Result | undefined> {
    if (id === live.id) return work(live);
    const held = this.#held.get(id);
    const view = held?.views.get(live);
    if (held === undefined || view === undefined) return undefined;
    const bundle = held.bundle.hold();
    try {
      return await work(view);
    } finally {
      await bundle.release();
    }
  }

  /** Loads nothing from now on, beside what is being loaded. */
  stop(): void {
    this.#closing.abort();
  }

  async close(): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    for (const { bundle } of all) await bundle.release();
  }

  #wanted(now: number): Set<string> {
    const running = this.#deps.experiments.filter((experiment) => isRunning(experiment, now));
    return new Set(bundlesOfExperiments(running, now));
  }

  #load(id: string, live: BundleView): Promise<void> {
    return this.#attempt(id, async () => {
      const loaded = await loadSoundBundle({ kind: 'bundle', id }, this.#deps);
      const held: Held = { bundle: new Shared(loaded, () => loaded.close()), views: new WeakMap() };
      this.#held.set(id, held);
      if (id !== live.id) await makeReady(held, live);
      this.#deps.logger.info({ bundleId: id }, 'the bundle of an arm is loaded');
    });
  }

  async #attempt(id: string, work: () => Promise<void>): Promise<void> {
    const { metrics, logger } = this.#deps;
    try {
      await work();
    } catch (error) {
      this.#resting.add(id);
      metrics.countLoadFailure('arm');
      const code = isAppError(error) ? error.code : undefined;
      const facts = { bundleId: id, code, problem: describeError(error), err: error };
      logger.error(facts, 'the bundle of an arm cannot be taken up: nobody enters the arm');
    }
  }
}

async function makeReady({ bundle, views }: Held, live: BundleView): Promise<void> {
  views.set(live, await applyLiveCatalog(bundle.value, live));
}
