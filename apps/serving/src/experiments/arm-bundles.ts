import type { ArtifactStore } from '@facet/artifacts';
import { loadBundle } from '@facet/bundles';
import type { Bundle, BundleView } from '@facet/bundles';
import type { Experiment } from '@facet/exposures';
import { isRunning } from '@facet/exposures';
import { describeError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import { Shared } from '../live/shared.ts';

export interface ArmBundlesDeps {
  readonly store: ArtifactStore;
  readonly experiments: readonly Experiment[];
  readonly logger: Logger;
  /** The clock in epoch milliseconds. */
  readonly now?: () => number;
}

/** How long one that could not be loaded is left alone. */
const restMs = 60_000;

/** Holds the bundles that arms name, beside the one that is current, while their experiments run. */
export class ArmBundles {
  readonly #deps: ArmBundlesDeps;
  readonly #now: () => number;
  readonly #held = new Map<string, Shared<Bundle>>();
  readonly #resting = new Map<string, number>();

  constructor(deps: ArmBundlesDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? Date.now;
  }

  /** Loads what is missing and lets go of what is over. Never fails: an arm without its bundle is not entered. */
  async refresh(): Promise<void> {
    const now = this.#now();
    const wanted = this.#wanted(now);
    for (const [id, bundle] of this.#held) {
      if (wanted.has(id)) continue;
      this.#held.delete(id);
      await bundle.release();
    }
    for (const id of wanted) {
      if (!this.#held.has(id) && now >= (this.#resting.get(id) ?? 0)) await this.#load(id);
    }
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** Does `work` with a bundle, which stays until the work has ended. Undefined when it is not held. */
  async use<Result>(id: string, work: (bundle: BundleView) => Promise<Result>): Promise<Result | undefined> {
    const held = this.#held.get(id)?.hold();
    if (held === undefined) return undefined;
    try {
      return await work(held.value);
    } finally {
      await held.release();
    }
  }

  async close(): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    for (const bundle of all) await bundle.release();
  }

  #wanted(now: number): Set<string> {
    const running = this.#deps.experiments.filter((experiment) => isRunning(experiment, now));
    const arms = running.flatMap(({ arms: shown, shadow }) => [...shown, ...shadow]);
    return new Set(arms.flatMap(({ settings }) => settings.bundle ?? []));
  }

  async #load(id: string): Promise<void> {
    const { store, logger } = this.#deps;
    try {
      const bundle = await loadBundle(store, { kind: 'bundle', id });
      this.#held.set(id, new Shared(bundle, (loaded) => loaded.close()));
      logger.info({ bundleId: id }, 'the bundle of an arm is loaded');
    } catch (error) {
      this.#resting.set(id, this.#now() + restMs);
      const code = isAppError(error) ? error.code : undefined;
      const facts = { bundleId: id, code, problem: describeError(error), err: error };
      logger.error(facts, 'the bundle of an arm cannot be loaded: nobody enters the arm');
    }
  }
}
