import type { BundleView } from '@facet/bundles';
import { problemError } from '@facet/http';
import type { ReadProfile, UserIds } from '@facet/recommendations';
import type { RefCounted } from '../ref-counted.ts';

/** Reads profiles without ever failing a request. */
export interface ProfileReader {
  /** The number of users, if profiles are in the memory of this process. */
  readonly count?: number;
  readonly read: ReadProfile;
  /** Returns ids of users, read at most ten seconds ago. Unlike `read`, rejects with the errors of the store. */
  listUserIds(): Promise<UserIds>;
  close(): Promise<void>;
}

/** The bundle and the profiles that requests read. */
export interface Loaded {
  readonly bundle: BundleView;
  readonly profiles: ProfileReader;
}

/**
 * Holds the live bundle. Replacing it does not disturb requests: each request uses the bundle that was live when it began, and
 * a replaced bundle is freed after its last request.
 */
export class LiveBundle {
  #current: RefCounted<Loaded> | undefined;

  get loaded(): Loaded | undefined {
    return this.#current?.value;
  }

  /** Takes ownership of `loaded`. Resolves when the previous bundle is released, though requests may still use it. */
  async replace(loaded: RefCounted<Loaded>): Promise<void> {
    const previous = this.#current;
    this.#current = loaded;
    await previous?.release();
  }

  /** @throws AppError `NOT_READY`. */
  require(): Loaded {
    return this.#require().value;
  }

  /**
   * Holds the live bundle until `work` has ended.
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

  async close(): Promise<void> {
    const last = this.#current;
    this.#current = undefined;
    await last?.release();
  }

  #require(): RefCounted<Loaded> {
    if (this.#current === undefined) throw problemError('NOT_READY', 'The bundle is still loading.');
    return this.#current;
  }
}
