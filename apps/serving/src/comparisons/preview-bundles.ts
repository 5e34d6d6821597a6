import { applyLiveCatalog } from '@facet/bundles';
import type { Bundle, BundleView } from '@facet/bundles';
import { problemError } from '@facet/http';
import { oncePerKey } from '@facet/platform';
import { withLoadSlot } from '../processes/peers.ts';
import type { Peers } from '../processes/peers.ts';

/** Two bundles that are not live can be compared. */
const loadedMax = 2;
/** Bundles that wait to be loaded. */
const waitingMax = 5;
const idleMs = 10 * 60_000;

interface Preview {
  /** Returns the bundle with the items of the live catalog, after the bundle is loaded. */
  readonly viewFor: Promise<(live: BundleView) => Promise<BundleView>>;
  /** Undefined until it is loaded. */
  bundle: Bundle | undefined;
  /** Requests that use or await the bundle. */
  users: number;
  idle: NodeJS.Timeout | undefined;
}

/**
 * Loads bundles that are not live, for requests that name them, one at a time. Keeps at most two, each for up to ten minutes
 * after its last request. While both are in use, a load waits. The least recently used bundle makes room. Their items are those of the live catalog, as for the bundle of an arm.
 */
export class PreviewBundles {
  readonly #load: (id: string) => Promise<Bundle>;
  readonly #acquireLoadSlot: Peers['acquireLoadSlot'] | undefined;
  readonly #closing = new AbortController();
  /** Least recently used first. */
  readonly #previews = new Map<string, Preview>();
  #lastLoad: Promise<unknown> = Promise.resolve();
  /** Wakes the load that waits for room. */
  #wake: () => void = () => undefined;

  /** @param deps.acquireLoadSlot waits until no other process loads a bundle. */
  constructor(deps: {
    readonly load: (id: string) => Promise<Bundle>;
    readonly acquireLoadSlot?: Peers['acquireLoadSlot'];
  }) {
    this.#load = deps.load;
    this.#acquireLoadSlot = deps.acquireLoadSlot;
  }

  /**
   * Holds a view of a bundle until `work` has ended. The first use loads the bundle, and concurrent ones share the load.
   *
   * @param live held by the caller.
   * @throws AppError `OVERLOADED` if too many bundles wait to be loaded, `CLOSING`, and those of `load`.
   */
  async use<Result>(id: string, live: BundleView, work: (bundle: BundleView) => Promise<Result>): Promise<Result> {
    if (id === live.id) return work(live);
    const preview = this.#previews.get(id) ?? this.#begin(id);
    preview.users++;
    clearTimeout(preview.idle);
    try {
      const viewFor = await preview.viewFor;
      return await work(await viewFor(live));
    } finally {
      this.#release(id, preview);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(problemError('CLOSING', 'The server is closing.'));
    this.#wake();
    await this.#lastLoad;
    for (const [id, { users }] of this.#previews) if (users === 0) this.#drop(id);
  }

  #begin(id: string): Preview {
    const waiting = [...this.#previews.values()].filter(({ bundle }) => bundle === undefined).length;
    if (waiting > waitingMax) throw problemError('OVERLOADED', 'Too many bundles wait to be loaded for previews.');
    const viewFor = this.#lastLoad.then(async () => {
      const bundle = await this.#loadInTurn(id);
      preview.bundle = bundle;
      return oncePerKey((live: BundleView) => applyLiveCatalog(bundle, live));
    });
    const preview: Preview = { viewFor, bundle: undefined, users: 0, idle: undefined };
    this.#previews.set(id, preview);
    this.#lastLoad = viewFor.catch(() => this.#previews.delete(id));
    return preview;
  }

  async #loadInTurn(id: string): Promise<Bundle> {
    const { signal } = this.#closing;
    await this.#makeRoom(signal);
    const bundle = await withLoadSlot(this.#acquireLoadSlot, signal, () => this.#load(id));
    if (bundle === undefined) throw signal.reason;
    return bundle;
  }

  async #makeRoom(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const loaded = [...this.#previews].filter(([, { bundle }]) => bundle !== undefined);
      if (loaded.length < loadedMax) return;
      const unused = loaded.find(([, { users }]) => users === 0);
      if (unused === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else this.#drop(unused[0]);
    }
  }

  #release(id: string, preview: Preview): void {
    preview.users--;
    if (preview.bundle !== undefined) {
      this.#previews.delete(id);
      this.#previews.set(id, preview);
      if (preview.users === 0) {
        if (this.#closing.signal.aborted) this.#drop(id);
        else preview.idle = setTimeout(() => this.#drop(id), idleMs).unref();
      }
    }
    this.#wake();
  }

  /** Frees a bundle without users. */
  #drop(id: string): void {
    const { bundle, idle } = this.#previews.get(id)!;
    this.#previews.delete(id);
    clearTimeout(idle);
    bundle?.close();
  }
}
