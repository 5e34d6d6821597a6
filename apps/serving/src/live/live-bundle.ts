import type { BundleView } from '@facet/bundles';
import { problemError } from '@facet/http';
import type { ProfileReader } from '../profiles/profile-reader.ts';

/** What requests are answered from. */
export interface Loaded {
  readonly bundle: BundleView;
  readonly profiles: ProfileReader;
  /** How many users it has, when they are in the memory of this process. */
  readonly profileCount: number | undefined;
}

/** Holds what is loaded. */
export class LiveBundle {
  #loaded: Loaded | undefined;

  get loaded(): Loaded | undefined {
    return this.#loaded;
  }

  load(loaded: Loaded): void {
    this.#loaded = loaded;
  }

  /** @throws AppError `NOT_READY`. */
  require(): Loaded {
    if (this.#loaded === undefined) throw problemError('NOT_READY', 'The bundle is still being loaded.');
    return this.#loaded;
  }
}
