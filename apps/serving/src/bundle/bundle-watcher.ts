import { openArtifactStore } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { loadDelta, overlayDelta, readDeltaInfo } from '@facet/bundles';
import type { Bundle, BundleView, Delta, DeltaInfo } from '@facet/bundles';
import { AppError, describeError, isAppError } from '@facet/platform';
import { withLoadSlot } from '../processes/peers.ts';
import type { ProfileSource } from '../profiles/profile-source.ts';
import type { SampleRecall } from './index-recall.ts';
import type { LiveBundle, Loaded, ProfileReader } from './live-bundle.ts';
import { loadCheckedBundle } from './load-bundle.ts';
import type { LoadInTurnDeps } from './load-bundle.ts';
import { Cooldown, RefCounted } from '../ref-counted.ts';

export interface WatcherDeps extends Omit<LoadInTurnDeps, 'store'> {
  readonly artifactsFolder: string;
  readonly profiles: ProfileSource;
  readonly live: LiveBundle;
  readonly sampleRecall?: SampleRecall;
  /** Is awaited before a view goes live, to prepare the bundles of experiment arms for it. Never fails. */
  readonly beforeGoingLive?: (view: BundleView) => Promise<void>;
  /** Is awaited when a bundle has gone live, while the bundle that it replaced can still be used. Never fails. */
  readonly afterSwap?: (previous: Bundle, bundle: Bundle) => Promise<void>;
  /** Monotonic, in milliseconds. */
  readonly clock?: () => number;
}

interface Held {
  readonly bundle: RefCounted<Bundle>;
  readonly profiles: RefCounted<ProfileReader>;
}

export interface BundleSwap {
  readonly from: string;
  readonly to: string;
}

/**
 * How long a promoted bundle waits for a delta. Without one, items that were withdrawn while the bundle was built would come
 * back.
 */
const deltaWaitMs = 10_000;

/**
 * Loads the bundle and the delta that the references `current` and `delta` name. A new bundle is loaded and checked while the
 * live bundle serves, and then replaces it. If the new bundle cannot be loaded, the live bundle stays.
 */
export class BundleWatcher {
  readonly #deps: WatcherDeps;
  readonly #store: ArtifactStore;
  readonly #clock: () => number;
  #held: Held | undefined;
  /** The last delta that was read for this bundle, even if it belongs to another bundle. */
  #deltaId: string | undefined;
  readonly #cooldown: Cooldown;
  readonly #closing = new AbortController();
  #awaitsDelta: { readonly bundleId: string; readonly until: number } | undefined;

  constructor(deps: WatcherDeps) {
    this.#deps = deps;
    this.#store = openArtifactStore(deps.artifactsFolder);
    this.#clock = deps.clock ?? (() => performance.now());
    this.#cooldown = new Cooldown(this.#clock);
  }

  /**
   * Loads the current bundle and opens the profiles.
   *
   * @throws AppError `SERVING_NO_BUNDLE` if nothing was ever promoted; those of `loadCheckedBundle`; those of the profiles.
   */
  async start(): Promise<void> {
    const ref = await this.#store.readRef('current');
    if (ref === undefined) {
      const { artifactsFolder } = this.#deps;
      throw new AppError(`There is no current bundle in ${artifactsFolder}.`, {
        code: 'SERVING_NO_BUNDLE',
        category: 'artifact-missing',
        remedy: 'Build one with npm start or facet index, or set FACET_HOME to a data home that has one.',
        context: { artifactsFolder },
      });
    }
    await this.#load(ref);
  }

  /**
   * Reads the references once, and loads what has changed. Never fails: failures are logged and counted, and not retried for
   * a minute.
   *
   * @returns the swap, if another bundle went live.
   */
  async check(): Promise<BundleSwap | undefined> {
    const previous = this.#held;
    const ref = await this.#readCurrent();
    if (ref === undefined || previous === undefined) return undefined;
    if (ref.id === previous.bundle.value.id) {
      this.#awaitsDelta = undefined;
      if (await this.#loadDelta()) this.#deps.metrics.countSwap('delta');
      return undefined;
    }
    if (this.#cooldown.has(ref.id) || (await this.#mustAwaitDelta(ref))) return undefined;
    return withLoadSlot(this.#deps.acquireLoadSlot, this.#closing.signal, async () => {
      // The bundle may have been rolled back while other processes loaded theirs.
      const isCurrent = (await this.#readCurrent())?.id === ref.id;
      return isCurrent ? this.#swap(previous, ref) : undefined;
    });
  }

  /** Starts no further load. */
  stop(): void {
    this.#closing.abort();
  }

  /** Releases everything. Requests keep what they use until they end. */
  async close(): Promise<void> {
    await this.#deps.live.close();
    await this.#held?.bundle.release();
    await this.#held?.profiles.release();
    this.#held = undefined;
  }

  #readCurrent(): Promise<ArtifactRef | undefined> {
    return this.#attempt('current', 'bundle', () => this.#store.readRef('current'));
  }

  async #swap(previous: Held, ref: ArtifactRef): Promise<BundleSwap | undefined> {
    const start = this.#clock();
    const from = previous.bundle.value.id;
    const isLoaded = await this.#attempt(ref.id, 'bundle', async () => {
      await this.#load(ref);
      return true;
    });
    if (isLoaded !== true) return undefined;
    this.#deps.metrics.countSwap('bundle');
    this.#deps.logger.info({ from, bundleId: ref.id, ms: Math.round(this.#clock() - start) }, 'bundle swapped');
    if (this.#held !== undefined) await this.#deps.afterSwap?.(previous.bundle.value, this.#held.bundle.value);
    await previous.bundle.release();
    await previous.profiles.release();
    return { from, to: ref.id };
  }

  /** Loads a bundle and makes it live. Changes nothing on failure. The caller releases the previous bundle. */
  async #load(ref: ArtifactRef): Promise<void> {
    const { logger, recent, openIndex, sampleRecall } = this.#deps;
    const loaded = await loadCheckedBundle(ref, { store: this.#store, logger, recent, openIndex });
    const index = sampleRecall?.(loaded.index, ref.id) ?? loaded.index;
    const bundle = new RefCounted<Bundle>({ ...loaded, index }, () => loaded.close());
    let profiles: RefCounted<ProfileReader>;
    try {
      profiles = await this.#deps.profiles.openFor(bundle.value.info.interactions);
    } catch (error) {
      await bundle.release();
      throw error;
    }
    this.#held = { bundle, profiles };
    this.#deltaId = undefined;
    this.#awaitsDelta = undefined;
    if (!(await this.#loadDelta())) await this.#goLive(bundle.value, undefined);
  }

  /** Makes a new delta of the bundle live. Returns whether there was one. */
  async #loadDelta(): Promise<boolean> {
    const store = this.#store;
    const ref = await this.#attempt('delta', 'delta', () => store.readRef('delta'));
    if (ref === undefined || ref.id === this.#deltaId || this.#held === undefined) return false;
    const bundle = this.#held.bundle.value;
    const overlaid = await this.#attempt(ref.id, 'delta', async () => {
      const delta = await loadDelta(store, ref);
      this.#deltaId = ref.id;
      return delta.info.bundleId === bundle.id ? { delta, view: await overlayDelta(bundle, delta) } : undefined;
    });
    if (overlaid === undefined) return false;
    const { delta, view } = overlaid;
    await this.#goLive(view, delta);
    this.#deps.logger.info({ bundleId: bundle.id, deltaId: ref.id, ...changesOf(delta.info) }, 'delta loaded');
    return true;
  }

  async #goLive(view: BundleView, delta: Delta | undefined): Promise<void> {
    await this.#deps.beforeGoingLive?.(view);
    const bundle = this.#held!.bundle.hold();
    const profiles = this.#held!.profiles.hold();
    const loaded: Loaded = { bundle: view, profiles: profiles.value };
    const free = async (): Promise<void> => {
      if (delta !== undefined) view.close();
      await bundle.release();
      await profiles.release();
    };
    await this.#deps.live.replace(new RefCounted(loaded, free));
    this.#deps.metrics.setLoaded(loaded, delta && changesOf(delta.info));
  }

  async #mustAwaitDelta(ref: ArtifactRef): Promise<boolean> {
    const store = this.#store;
    const delta = await this.#attempt('delta', 'delta', () => store.readRef('delta'));
    if (delta === undefined) return false;
    const info = await this.#attempt(delta.id, 'delta', () => readDeltaInfo(store, delta));
    if (info === undefined || info.bundleId === ref.id) return false;
    if (this.#awaitsDelta?.bundleId !== ref.id) {
      this.#awaitsDelta = { bundleId: ref.id, until: this.#clock() + deltaWaitMs };
    }
    return this.#clock() < this.#awaitsDelta.until;
  }

  /** Does work that may fail. Returns undefined on failure, and during the cooldown after a failure. */
  async #attempt<Result>(
    name: string,
    what: 'bundle' | 'delta',
    work: () => Promise<Result>,
  ): Promise<Result | undefined> {
    if (this.#cooldown.has(name)) return undefined;
    try {
      return await work();
    } catch (error) {
      this.#cooldown.start(name);
      this.#deps.metrics.countLoadFailure(what);
      const code = isAppError(error) ? error.code : undefined;
      const facts = { name, code, problem: describeError(error), err: error };
      this.#deps.logger.error(facts, `cannot load the ${what}: keeping the live one`);
      return undefined;
    }
  }
}

/** Returns the number of items that a delta changes, by kind of change. */
function changesOf({ counts, chosen }: DeltaInfo) {
  return { ...counts, chosen: chosen.length };
}
