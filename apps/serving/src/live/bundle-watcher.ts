import { createFolderArtifactStore } from '@facet/artifacts';
import type { ArtifactRef, ArtifactStore } from '@facet/artifacts';
import { loadDelta, overlayDelta, readDeltaInfo } from '@facet/bundles';
import type { Bundle, BundleView, Delta } from '@facet/bundles';
import { AppError, describeError, isAppError } from '@facet/platform';
import type { Logger } from '@facet/platform';
import type { Metrics } from '../metrics/metrics.ts';
import { inTurn } from '../processes/peers.ts';
import type { Peers } from '../processes/peers.ts';
import type { OpenProfiles, ProfileSource } from '../profiles/profile-source.ts';
import type { LiveBundle, Loaded } from './live-bundle.ts';
import type { WatchIndex } from './live-recall.ts';
import { loadSoundBundle } from './load-sound-bundle.ts';
import type { SoundBundleDeps } from './load-sound-bundle.ts';
import { Resting } from './resting.ts';
import { Shared } from './shared.ts';

export interface WatcherDeps {
  readonly artifactsFolder: string;
  readonly profiles: ProfileSource;
  readonly live: LiveBundle;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Watches how the index of a bundle answers; absent: nobody does. */
  readonly watchIndex?: WatchIndex;
  readonly recent?: SoundBundleDeps['recent'];
  /** Is awaited before a view answers: what answers beside it is made ready for it. Never fails. */
  readonly beforeAnswering?: (view: BundleView) => Promise<void>;
  /** Waits until no other process loads a bundle, and gives what lets the next one. Absent: there are none. */
  readonly takeTurn?: Peers['takeTurn'];
  /** A clock in milliseconds that only goes forward. */
  readonly clock?: () => number;
}

/** One bundle in the place of another. */
export interface BundleSwap {
  readonly from: string;
  readonly to: string;
}

/**
 * How long the old bundle goes on answering after a promotion until there is a delta of the new one: without it, items
 * that were withdrawn while the new one was made would come back.
 */
const deltaPatienceMs = 10_000;

/**
 * Takes up what the references `current` and `delta` name: it is loaded and verified beside what answers, then takes its
 * place. What cannot be loaded is refused, and the former goes on answering.
 */
export class BundleWatcher {
  readonly #deps: WatcherDeps;
  readonly #store: ArtifactStore;
  readonly #clock: () => number;
  #held: { readonly bundle: Shared<Bundle>; readonly profiles: Shared<OpenProfiles> } | undefined;
  /** The delta that was last looked at for this bundle, be it one of its own or not. */
  #deltaId: string | undefined;
  readonly #resting: Resting;
  readonly #closing = new AbortController();
  #awaitsDelta: { readonly bundleId: string; readonly until: number } | undefined;

  constructor(deps: WatcherDeps) {
    this.#deps = deps;
    this.#store = createFolderArtifactStore(deps.artifactsFolder);
    this.#clock = deps.clock ?? (() => performance.now());
    this.#resting = new Resting(this.#clock);
  }

  /**
   * Loads the bundle that is current, and opens the profiles.
   *
   * @throws AppError `SERVING_NO_BUNDLE` when nothing was ever promoted; those of `loadSoundBundle`; those of
   *   the profiles.
   */
  async start(): Promise<void> {
    const ref = await this.#store.readRef('current');
    if (ref === undefined) {
      const { artifactsFolder } = this.#deps;
      throw new AppError(`There is no current bundle in ${artifactsFolder}.`, {
        code: 'SERVING_NO_BUNDLE',
        category: 'artifact-missing',
        remedy: 'Make one with npm start or facet index, or point FACET_HOME at the folder that has one.',
        context: { artifactsFolder },
      });
    }
    await this.#load(ref);
  }

  /**
   * Looks at the references once, and takes up what they name by now. Never fails: what cannot be taken up is logged,
   * counted, and left alone for a minute.
   *
   * @returns the swap, if another bundle answers from now on.
   */
  async check(): Promise<BundleSwap | undefined> {
    const from = this.#held?.bundle.value.id;
    const ref = await this.#readCurrent();
    if (ref === undefined || from === undefined) return undefined;
    if (ref.id === from) {
      this.#awaitsDelta = undefined;
      if (await this.#takeDelta()) this.#deps.metrics.countSwap('delta');
      return undefined;
    }
    if (this.#resting.has(ref.id) || (await this.#isWorthWaiting(ref))) return undefined;
    return inTurn(this.#deps.takeTurn, this.#closing.signal, async () => {
      // Others may have taken long, and it may have been rolled back meanwhile.
      const isCurrent = (await this.#readCurrent())?.id === ref.id;
      return isCurrent ? this.#swap(from, ref) : undefined;
    });
  }

  /** Takes up nothing from now on, beside what is being loaded. */
  stop(): void {
    this.#closing.abort();
  }

  /** Lets go of everything; what requests under way still use is freed when they have ended. */
  async close(): Promise<void> {
    await this.#deps.live.close();
    await this.#held?.bundle.release();
    await this.#held?.profiles.release();
    this.#held = undefined;
  }

  #readCurrent(): Promise<ArtifactRef | undefined> {
    return this.#attempt('current', 'bundle', () => this.#store.readRef('current'));
  }

  async #swap(from: string, ref: ArtifactRef): Promise<BundleSwap | undefined> {
    const start = this.#clock();
    const isLoaded = await this.#attempt(ref.id, 'bundle', async () => {
      await this.#load(ref);
      return true;
    });
    if (isLoaded !== true) return undefined;
    this.#deps.metrics.countSwap('bundle');
    this.#deps.logger.info({ from, bundleId: ref.id, ms: Math.round(this.#clock() - start) }, 'bundle swapped');
    return { from, to: ref.id };
  }

  /** Loads a bundle and has it answer, or changes nothing. */
  async #load(ref: ArtifactRef): Promise<void> {
    const { logger, recent, watchIndex } = this.#deps;
    const loaded = await loadSoundBundle(ref, { store: this.#store, logger, recent });
    const index = watchIndex?.(loaded.index, ref.id) ?? loaded.index;
    const bundle = new Shared<Bundle>({ ...loaded, index }, () => loaded.close());
    let profiles: Shared<OpenProfiles>;
    try {
      profiles = await this.#deps.profiles.openFor(bundle.value.info.interactions);
    } catch (error) {
      await bundle.release();
      throw error;
    }
    const former = this.#held;
    this.#held = { bundle, profiles };
    this.#deltaId = undefined;
    this.#awaitsDelta = undefined;
    if (!(await this.#takeDelta())) await this.#answerWith(bundle.value, undefined);
    await former?.bundle.release();
    await former?.profiles.release();
  }

  /** Whether another delta of the bundle answers now. */
  async #takeDelta(): Promise<boolean> {
    const store = this.#store;
    const ref = await this.#attempt('delta', 'delta', () => store.readRef('delta'));
    if (ref === undefined || ref.id === this.#deltaId || this.#held === undefined) return false;
    const bundle = this.#held.bundle.value;
    const taken = await this.#attempt(ref.id, 'delta', async () => {
      const delta = await loadDelta(store, ref);
      this.#deltaId = ref.id;
      // That of another bundle means nothing here.
      return delta.info.bundleId === bundle.id ? { delta, view: await overlayDelta(bundle, delta) } : undefined;
    });
    if (taken === undefined) return false;
    await this.#answerWith(taken.view, taken.delta);
    this.#deps.logger.info({ bundleId: bundle.id, deltaId: ref.id, ...taken.delta.info.counts }, 'delta taken up');
    return true;
  }

  /** From now on requests are answered from this. */
  async #answerWith(view: BundleView, delta: Delta | undefined): Promise<void> {
    await this.#deps.beforeAnswering?.(view);
    const bundle = this.#held!.bundle.hold();
    const profiles = this.#held!.profiles.hold();
    const { reader, count } = profiles.value;
    const loaded: Loaded = { bundle: view, delta: delta?.info.counts, profiles: reader, profileCount: count };
    const free = async (): Promise<void> => {
      if (delta !== undefined) view.close();
      await bundle.release();
      await profiles.release();
    };
    await this.#deps.live.replace(new Shared(loaded, free));
    this.#deps.metrics.setLoaded(loaded);
  }

  async #isWorthWaiting(ref: ArtifactRef): Promise<boolean> {
    const store = this.#store;
    const delta = await this.#attempt('delta', 'delta', () => store.readRef('delta'));
    if (delta === undefined) return false;
    const info = await this.#attempt(delta.id, 'delta', () => readDeltaInfo(store, delta));
    if (info === undefined || info.bundleId === ref.id) return false;
    if (this.#awaitsDelta?.bundleId !== ref.id) {
      this.#awaitsDelta = { bundleId: ref.id, until: this.#clock() + deltaPatienceMs };
    }
    return this.#clock() < this.#awaitsDelta.until;
  }

  /** Does what may fail, unless it did so a short while ago. Undefined when it failed or rests. */
  async #attempt<Result>(
    name: string,
    what: 'bundle' | 'delta',
    work: () => Promise<Result>,
  ): Promise<Result | undefined> {
    if (this.#resting.has(name)) return undefined;
    try {
      return await work();
    } catch (error) {
      this.#resting.add(name);
      this.#deps.metrics.countLoadFailure(what);
      const code = isAppError(error) ? error.code : undefined;
      const facts = { name, code, problem: describeError(error), err: error };
      this.#deps.logger.error(facts, `the ${what} cannot be taken up: the former goes on answering`);
      return undefined;
    }
  }
}
