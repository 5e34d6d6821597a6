import type { ArtifactStore } from '@facet/artifacts';
import { applyLiveCatalog } from '@facet/bundles';
import type { Bundle, BundleView } from '@facet/bundles';
import type { Logger } from '@facet/platform';
import { loadCheckedBundle } from '../bundle/load-bundle.ts';
import { oncePerBundle } from '../bundle/once-per-bundle.ts';
import { RefCounted } from '../ref-counted.ts';

/** Two bundles that are not live can be compared. */
const loadedMax = 2;
const idleMs = 10 * 60_000;

interface Preview {
  readonly bundle: RefCounted<Bundle>;
  /** Returns the bundle with the items of the live catalog. */
  readonly viewFor: (live: BundleView) => Promise<BundleView>;
  idle: NodeJS.Timeout | undefined;
}

/**
 * Loads bundles that are not live, for requests that name them. Keeps the two that were used last, for ten minutes after their last request.
 * Their items are those of the live catalog, as for the bundle of an arm.
 */
export class PreviewBundles {
  readonly #deps: { readonly store: ArtifactStore; readonly logger: Logger };
  /** Least recently used first. */
  readonly #previews = new Map<string, Promise<Preview>>();

  constructor(deps: { readonly store: ArtifactStore; readonly logger: Logger }) {
    this.#deps = deps;
  }

  /**
   * Holds a view of a bundle until `work` has ended. The first use loads the bundle.
   *
   * @param live held by the caller.
   * @throws AppError as `loadCheckedBundle`.
   */
  async use<Result>(id: string, live: BundleView, work: (bundle: BundleView) => Promise<Result>): Promise<Result> {
    if (id === live.id) return work(live);
    const preview = await this.#find(id);
    const held = preview.bundle.hold();
    clearTimeout(preview.idle);
    preview.idle = setTimeout(() => void this.#drop(id), idleMs).unref();
    try {
      return await work(await preview.viewFor(live));
    } finally {
      await held.release();
    }
  }

  async close(): Promise<void> {
    for (const id of [...this.#previews.keys()]) await this.#drop(id);
  }

  #find(id: string): Promise<Preview> {
    const found = this.#previews.get(id) ?? this.#load(id);
    this.#previews.delete(id);
    this.#previews.set(id, found);
    for (const other of [...this.#previews.keys()].slice(0, -loadedMax)) void this.#drop(other);
    return found;
  }

  async #load(id: string): Promise<Preview> {
    try {
      const bundle = await loadCheckedBundle({ kind: 'bundle', id }, this.#deps);
      const viewFor = oncePerBundle((live) => applyLiveCatalog(bundle, live));
      return { bundle: new RefCounted(bundle, () => bundle.close()), viewFor, idle: undefined };
    } catch (error) {
      this.#previews.delete(id);
      throw error;
    }
  }

  /** Forgets a bundle. Requests that found it before hold it until they end. */
  async #drop(id: string): Promise<void> {
    const dropped = this.#previews.get(id);
    this.#previews.delete(id);
    const preview = await dropped?.catch(() => undefined);
    if (preview === undefined) return;
    clearTimeout(preview.idle);
    await preview.bundle.release();
  }
}
