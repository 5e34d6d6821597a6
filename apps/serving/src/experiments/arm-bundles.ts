import { applyLiveCatalog } from '@facet/bundles';
import type { Bundle, BundleView } from '@facet/bundles';
import { assignArms, bundlesOfExperiments, isRunning, settingsOfArms } from '@facet/exposures';
import type { Arms, Experiment } from '@facet/exposures';
import { describeError, isAppError } from '@facet/platform';
import type { ArmOverrides } from '@facet/recommendations';
import { loadCheckedBundle } from '../bundle/load-bundle.ts';
import type { LoadInTurnDeps } from '../bundle/load-bundle.ts';
import { withLoadSlot } from '../processes/peers.ts';
import { Cooldown, RefCounted } from '../ref-counted.ts';

export interface ArmBundlesDeps extends LoadInTurnDeps {
  readonly experiments: readonly Experiment[];
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** The arms of one request, and the bundle that produces its response. */
export interface EnteredArms {
  readonly arms: Arms;
  readonly overrides: ArmOverrides;
  readonly bundle: BundleView;
  /** Undefined for the live bundle, which the request holds already. */
  readonly release: (() => Promise<void>) | undefined;
}

interface ArmBundle {
  readonly bundle: RefCounted<Bundle>;
  /** Maps a live view to this bundle with the item availability of that view. */
  readonly views: WeakMap<BundleView, BundleView>;
}

/**
 * Assigns requests to the arms of experiments, and holds the bundles of arms while their experiments run. Arm bundles have the
 * availability of the live bundle: no arm returns an item that is withdrawn there.
 */
export class ArmBundles {
  readonly #deps: ArmBundlesDeps;
  readonly #now: () => number;
  readonly #loaded = new Map<string, ArmBundle>();
  readonly #cooldown: Cooldown;
  readonly #closing = new AbortController();

  constructor(deps: ArmBundlesDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? Date.now;
    this.#cooldown = new Cooldown(this.#now);
  }

  get experiments(): readonly Experiment[] {
    return this.#deps.experiments;
  }

  /**
   * Assigns a user to arms and holds the bundle of these arms. A user does not enter an arm whose bundle is not loaded, because
   * another bundle would produce the response.
   *
   * @param live held by the caller.
   */
  enter(userId: string | undefined, live: BundleView, now: number): EnteredArms {
    const { experiments } = this.#deps;
    const assigned = Object.entries(assignArms(experiments, userId, now));
    const arms = Object.fromEntries(assigned.filter(([experiment, arm]) => this.#canEnter(experiment, arm, live)));
    const { bundle = live.id, ...overrides } = settingsOfArms(experiments, arms);
    return { arms, overrides, ...this.#hold(bundle, live)! };
  }

  /**
   * Loads the bundles of running experiments, and releases those of ended experiments. Never fails: failures are logged and
   * counted, and not retried for a minute.
   *
   * @param live the view to prepare loaded bundles for.
   */
  async refresh(live: BundleView): Promise<void> {
    const wanted = this.#listWanted(this.#now());
    for (const [id, { bundle }] of this.#loaded) {
      if (wanted.has(id)) continue;
      this.#loaded.delete(id);
      await bundle.release();
    }
    for (const id of wanted) {
      if (this.#loaded.has(id) || this.#cooldown.has(id)) continue;
      await withLoadSlot(this.#deps.acquireLoadSlot, this.#closing.signal, () => this.#load(id, live));
    }
  }

  /** Prepares the bundles for the next live view. Never fails: an arm that cannot be prepared is not entered. */
  async prepare(live: BundleView): Promise<void> {
    for (const [id, armBundle] of this.#loaded) {
      if (id !== live.id) await this.#attempt(id, () => addView(armBundle, live));
    }
  }

  /** Whether a bundle is loaded and prepared for the live view of the request. */
  has(id: string, live: BundleView): boolean {
    return id === live.id || this.#loaded.get(id)?.views.has(live) === true;
  }

  /**
   * Holds a bundle until `work` has ended. Returns undefined if the bundle is not loaded.
   *
   * @param live held by the caller. It may be the bundle itself.
   */
  async use<Result>(
    id: string,
    live: BundleView,
    work: (bundle: BundleView) => Promise<Result>,
  ): Promise<Result | undefined> {
    const held = this.#hold(id, live);
    if (held === undefined) return undefined;
    try {
      return await work(held.bundle);
    } finally {
      await held.release?.();
    }
  }

  /** Starts no further load. */
  stop(): void {
    this.#closing.abort();
  }

  async close(): Promise<void> {
    const all = [...this.#loaded.values()];
    this.#loaded.clear();
    for (const { bundle } of all) await bundle.release();
  }

  #canEnter(experiment: string, arm: string, live: BundleView): boolean {
    const declared = this.#deps.experiments.find(({ name }) => name === experiment);
    const bundle = declared?.arms.find(({ name }) => name === arm)?.settings.bundle;
    return bundle === undefined || this.has(bundle, live);
  }

  #hold(id: string, live: BundleView): Pick<EnteredArms, 'bundle' | 'release'> | undefined {
    if (id === live.id) return { bundle: live, release: undefined };
    const loaded = this.#loaded.get(id);
    const view = loaded?.views.get(live);
    if (loaded === undefined || view === undefined) return undefined;
    const held = loaded.bundle.hold();
    return { bundle: view, release: () => held.release() };
  }

  #listWanted(now: number): Set<string> {
    const running = this.#deps.experiments.filter((experiment) => isRunning(experiment, now));
    return new Set(bundlesOfExperiments(running, now));
  }

  #load(id: string, live: BundleView): Promise<void> {
    return this.#attempt(id, async () => {
      const bundle = await loadCheckedBundle({ kind: 'bundle', id }, this.#deps);
      const armBundle: ArmBundle = { bundle: new RefCounted(bundle, () => bundle.close()), views: new WeakMap() };
      this.#loaded.set(id, armBundle);
      if (id !== live.id) await addView(armBundle, live);
      this.#deps.logger.info({ bundleId: id }, 'bundle of an arm loaded');
    });
  }

  async #attempt(id: string, work: () => Promise<void>): Promise<void> {
    const { metrics, logger } = this.#deps;
    try {
      await work();
    } catch (error) {
      this.#cooldown.start(id);
      metrics.countLoadFailure('arm');
      const code = isAppError(error) ? error.code : undefined;
      const facts = { bundleId: id, code, problem: describeError(error), err: error };
      logger.error(facts, 'cannot load the bundle of an arm: no user enters the arm');
    }
  }
}

async function addView({ bundle, views }: ArmBundle, live: BundleView): Promise<void> {
  views.set(live, await applyLiveCatalog(bundle.value, live));
}
