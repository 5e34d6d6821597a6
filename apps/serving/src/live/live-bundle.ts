import type { BundleView, DeltaInfo } from '@facet/bundles';
import { problemError } from '@facet/http';
import type { ProfileReader } from '../profiles/profile-reader.ts';
import type { Shared } from './shared.ts';

/** What requests are answered from. */
export interface Loaded {
  readonly bundle: BundleView;
  /** What the delta over the bundle says; undefined without one. */
  readonly delta: DeltaInfo['counts'] | undefined;
  readonly profiles: ProfileReader;
  /** How many users it has, when they are in the memory of this process. */
  readonly profileCount: number | undefined;
}

/**
 * Holds what is loaded. It can be replaced while requests are under way: each is answered from what was loaded when it
 * began, which is freed when the last of them has ended.
 */
export class LiveBundle {
  #current: Shared<Loaded> | undefined;

  get loaded(): Loaded | undefined {
    return this.#current?.value;
  }

  /** Takes what was loaded over from its maker. Settles when the former is let go; it may still be in use then. */
  async replace(loaded: Shared<Loaded>): Promise<void> {
    const former = this.#current;
    this.#current = loaded;
    await former?.release();
  }

  /** @throws AppError `NOT_READY`. */
  require(): Loaded {
    return this.#require().value;
  }

  /**
   * Does `work` with what is loaded, which stays until the work has ended.
   *
   * @throws AppError `NOT_READY`.
   */
  async use<Result>(work: (loaded: Loaded) => Promise<Result>): Promise<Result> {
    const held = this.#require().hold();
    try {
      return await work(held.value);
    } finally {
      await held.release();
    }
  }

  /** Lets go of what is loaded. */
  async close(): Promise<void> {
    const last = this.#current;
    this.#current = undefined;
    await last?.release();
  }

  #require(): Shared<Loaded> {
    if (this.#current === undefined) throw problemError('NOT_READY', 'The bundle is still being loaded.');
    return this.#current;
  }
}
