import type { Bundle } from '@facet/bundles';
import { problemError } from '@facet/http';
import type { ProfileStore } from '../profiles/profile-store.ts';

/** What requests are answered from. The profiles were made by the rules of this bundle. */
export interface Loaded {
  readonly bundle: Bundle;
  readonly profiles: ProfileStore;
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
