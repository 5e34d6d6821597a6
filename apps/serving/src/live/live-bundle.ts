import type { Bundle } from '@facet/bundles';
import { problemError } from '../problems/problem.ts';
import type { ProfileStore } from '../profiles/profile-store.ts';

/** What requests are answered from. The profiles were made by the rules of this bundle. */
export interface Loaded {
  readonly bundle: Bundle;
  readonly profiles: ProfileStore;
}

/** Holds what is loaded, and whether the process is on its way out. */
export class LiveBundle {
  #loaded: Loaded | undefined;
  #closing = false;

  get loaded(): Loaded | undefined {
    return this.#loaded;
  }

  load(loaded: Loaded): void {
    this.#loaded = loaded;
  }

  startClosing(): void {
    this.#closing = true;
  }

  /** @throws AppError `CLOSING`. */
  refuseWhenClosing(): void {
    if (this.#closing) throw problemError('CLOSING', 'This server is shutting down.', { remedy: 'Ask another one.' });
  }

  /** @throws AppError `NOT_READY`. */
  require(): Loaded {
    if (this.#loaded === undefined) {
      throw problemError('NOT_READY', 'The bundle is still being loaded.', {
        remedy: 'Try again when /readyz says 200.',
      });
    }
    return this.#loaded;
  }
}
